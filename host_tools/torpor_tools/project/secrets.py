"""``secrets.toml``: what a board must know and a repository must not.

It is next to ``cluster.toml`` and optional; the environment may give the same values. They go
into the image as ``/secrets.json``, so anyone with the image has them, and nowhere else: no message
of ours shows a value.
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64encode
from pathlib import Path
from ssl import PEM_cert_to_DER_cert
from typing import Any

from ..errors import Problem, UserError, Where, fail
from .document import Document

NAME = "secrets.toml"
# Variables of the environment, which take precedence over the file.
VARIABLES = {"ssid": "TORPOR_WIFI_SSID", "password": "TORPOR_WIFI_PASSWORD"}
LOGIN_VARIABLES = {"user": "TORPOR_MAILBOX_USER", "password": "TORPOR_MAILBOX_PASSWORD"}
KEYS_VARIABLE = "TORPOR_CLUSTER_KEYS"  # one or two, with a space between them
_KEY = re.compile(r"[0-9a-f]{64}")
MOST_KEYS = 2  # two while a key is replaced
_TABLES = {"wifi": [*VARIABLES], "cluster": ["keys"], "mailbox": [*LOGIN_VARIABLES, "ca"]}


def secret_files(root: Path, mailbox: bool = False) -> dict[str, bytes]:
    """The image's ``secrets.json`` from ``root/secrets.toml`` and the environment, or no file.

    ``mailbox``: with what the board needs for its broker. Raises ``UserError`` for a file that is
    not TOML, whose ``[wifi]`` or ``[mailbox]`` are not texts, or whose keys are not valid.
    """
    secrets: dict[str, Any] = {}
    if login := wifi(root):
        secrets["wifi"] = login
    if keys := cluster_keys(root):
        secrets["keys"] = [key.hex() for key in keys]
    if mailbox and (login := broker_login(root)):
        if "ca" in login:  # a board reads certificates in DER only
            login["ca"] = b64encode(PEM_cert_to_DER_cert(login["ca"])).decode()
        secrets["mailbox"] = login
    # No escapes: MicroPython's JSON does not know those of characters beyond U+FFFF.
    text = json.dumps(secrets, sort_keys=True, ensure_ascii=False)
    return {"secrets.json": text.encode()} if secrets else {}


def mistakes(root: Path) -> list[Problem]:
    """Return the mistakes in ``secrets.toml`` and in what the environment gives instead."""
    found: list[Problem] = []
    for read in (wifi, cluster_keys):
        try:
            read(root)
        except UserError as error:
            found += error.problems
    return list(dict.fromkeys(found))


def wifi(root: Path) -> dict[str, str]:
    """``[wifi]``: ``ssid`` and ``password``, from the file or the environment.

    Returns:
        Both, or an empty dict if no network is named.

    Raises:
        UserError: The file is not TOML, or a value is not text.
    """
    login = _texts(root, "wifi", VARIABLES)
    return {"password": "", **login} if login.get("ssid") else {}


def cluster_keys(root: Path) -> list[bytes]:
    """The cluster's keys, the one that signs first; none if neither file nor environment has one.

    Raises ``UserError``.
    """
    problems: list[Problem] = []
    keys: list[Any] = os.environ.get(KEYS_VARIABLE, "").split()
    where: Where | None = None
    if not keys and (root / NAME).is_file():
        document = _document(root)
        table = document.take((), document.data, "cluster", dict, {})
        keys = document.take(("cluster",), table, "keys", list, [])
        where = document.where("cluster", "keys")
        problems = document.problems
    remedy = "make them with: torpor secrets init"
    if not all(isinstance(key, str) and _KEY.fullmatch(key) for key in keys):
        problems.append(Problem(where, "a cluster's key is 64 hexadecimal digits", remedy))
    elif len(keys) > MOST_KEYS:
        problems.append(Problem(where, f"at most {MOST_KEYS} keys are valid at once", remedy))
    if problems:
        raise UserError(problems)
    return [bytes.fromhex(key) for key in keys]


def broker_login(root: Path) -> dict[str, str]:
    """``[mailbox]``: ``user``, ``password``, and in ``ca`` the text of the CA's certificate.

    Raises ``UserError``.
    """
    login = _texts(root, "mailbox", LOGIN_VARIABLES)
    if "ca" in login:
        try:
            text = (root / login["ca"]).read_text(encoding="utf-8-sig").strip()
            PEM_cert_to_DER_cert(text)
            login["ca"] = text
        except (OSError, ValueError):
            what = f"ca: {login['ca']} is not a file with one certificate"
            raise fail(what, "give the file of the broker's CA in PEM format") from None
    return login


def _texts(root: Path, table: str, variables: dict[str, str]) -> dict[str, str]:
    """A table of texts; the environment takes precedence over the file."""
    named = {key: os.environ.get(variable) for key, variable in variables.items()}
    overrides = {key: value for key, value in named.items() if value}
    if not (root / NAME).is_file():
        return overrides
    document = _document(root)
    section = document.take((), document.data, table, dict, {})
    known = _TABLES[table]
    found = {key: _text(document, table, section, key) for key in known if key in section}
    if document.problems:
        raise UserError(document.problems)
    return {**found, **overrides}


def _document(root: Path) -> Document:
    """Read the file, and report every table and key of it that is not known."""
    document = Document(root / NAME, NAME)
    document.only((), document.data, list(_TABLES))
    for name, known in _TABLES.items():
        if isinstance(table := document.data.get(name), dict):
            document.only((name,), table, known)
    return document


def _text(document: Document, name: str, table: dict[str, Any], key: str) -> str:
    """Like ``Document.take``, without the value in the message."""
    value = table[key]
    if isinstance(value, str):
        return value
    document.report((name, key), f"{key}: expected text in quotes")
    return ""
