"""``secrets.toml``: what a board must know and a repository must not.

It lies beside ``cluster.toml`` and is optional; the environment may give the same values. They go
into the image as ``/secrets.json``, so whoever has the image has them, and nowhere else: no message
of ours shows a value.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from ..config.document import Document
from ..errors import Problem, UserError, Where

NAME = "secrets.toml"
# Where the environment may give a value, which then goes before the file's.
VARIABLES = {"ssid": "TORPOR_WIFI_SSID", "password": "TORPOR_WIFI_PASSWORD"}
KEYS_VARIABLE = "TORPOR_CLUSTER_KEYS"  # one or two, with a space between them
_KEY = re.compile(r"[0-9a-f]{64}")
MOST_KEYS = 2  # while they are being changed


def secret_files(root: Path) -> dict[str, bytes]:
    """The image's ``secrets.json`` from ``root/secrets.toml`` and the environment, or no file.

    Raises ``UserError`` for a file that is not TOML, whose ``[wifi]`` is not two texts, or whose
    keys are no keys.
    """
    told: dict[str, Any] = {}
    wifi = {**_from_file(root / NAME), **_from_environment()}
    if wifi.get("ssid"):
        told["wifi"] = {"password": "", **wifi}
    if keys := cluster_keys(root):
        told["keys"] = [key.hex() for key in keys]
    return {"secrets.json": json.dumps(told, sort_keys=True).encode()} if told else {}


def cluster_keys(root: Path) -> list[bytes]:
    """The cluster's keys, the one that signs first; none if neither file nor environment has one.

    Raises ``UserError``.
    """
    problems: list[Problem] = []
    keys: list[Any] = os.environ.get(KEYS_VARIABLE, "").split()
    where: Where | None = None
    if not keys and (root / NAME).is_file():
        document = Document(root / NAME, NAME)
        table = document.take((), document.data, "cluster", dict, {})
        document.only(("cluster",), table, ["keys"])
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


def _from_environment() -> dict[str, str]:
    named = {key: os.environ.get(variable) for key, variable in VARIABLES.items()}
    return {key: value for key, value in named.items() if value}


def _from_file(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    document = Document(path, NAME)
    table = document.take((), document.data, "wifi", dict, {})
    document.only(("wifi",), table, list(VARIABLES))
    wifi = {key: _text(document, table, key) for key in VARIABLES if key in table}
    if document.problems:
        raise UserError(document.problems)
    return wifi


def _text(document: Document, table: dict[str, Any], key: str) -> str:
    """As ``Document.take``, without the value in the message."""
    value = table[key]
    if isinstance(value, str):
        return value
    document.report(("wifi", key), f"{key}: expected text in quotes")
    return ""
