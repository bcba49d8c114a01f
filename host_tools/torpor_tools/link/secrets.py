"""``secrets.toml``: what a board must know and a repository must not.

It lies beside ``cluster.toml`` and is optional; the environment may give the same values. They go
into the image as ``/secrets.json``, so whoever has the image has them, and nowhere else: no message
of ours shows a value.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..config.document import Document
from ..errors import UserError

NAME = "secrets.toml"
# Where the environment may give a value, which then goes before the file's.
VARIABLES = {"ssid": "TORPOR_WIFI_SSID", "password": "TORPOR_WIFI_PASSWORD"}


def secret_files(root: Path) -> dict[str, bytes]:
    """The image's ``secrets.json`` from ``root/secrets.toml`` and the environment, or no file.

    Raises ``UserError`` for a file that is not TOML or whose ``[wifi]`` is not two texts.
    """
    wifi = {**_from_file(root / NAME), **_from_environment()}
    if not wifi.get("ssid"):
        return {}
    wifi.setdefault("password", "")
    return {"secrets.json": json.dumps({"wifi": wifi}, sort_keys=True).encode()}


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
