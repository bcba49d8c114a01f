"""``secrets.toml``: what a board must know and a repository must not.

It lies beside ``cluster.toml`` and is optional. Its ``[wifi]`` goes into the image as
``/secrets.json``, so whoever has the image has the password.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..config.document import Document
from ..errors import UserError

NAME = "secrets.toml"


def secret_files(root: Path) -> dict[str, bytes]:
    """The image's ``secrets.json`` from ``root/secrets.toml``; no file if there is none.

    Raises ``UserError`` for a file that is not TOML or whose ``[wifi]`` is not two texts.
    """
    if not (root / NAME).is_file():
        return {}
    document = Document(root / NAME, NAME)
    table = document.take((), document.data, "wifi", dict, {})
    document.only(("wifi",), table, ["ssid", "password"])
    wifi = {
        "ssid": document.take(("wifi",), table, "ssid", str, ""),
        "password": document.take(("wifi",), table, "password", str, ""),
    }
    if document.problems:
        raise UserError(document.problems)
    return {"secrets.json": json.dumps({"wifi": wifi}).encode()} if wifi["ssid"] else {}
