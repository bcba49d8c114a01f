"""``[mailbox]`` of ``cluster.toml``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from ..errors import UserError, Where, fail
from ..model.cluster import Mailbox
from .document import Document

PORTS = {"mqtt": 1883, "mqtts": 8883}  # registered with IANA
_EXAMPLE = 'write gateway = "192.168.1.5", or url = "mqtts://nas.local" for a running broker'


def read_mailbox(document: Document) -> Mailbox | None:
    """The table, or None if there is none; mistakes go to ``document``."""
    if "mailbox" not in document.data:
        return None
    table = document.take((), document.data, "mailbox", dict, {})
    document.only(("mailbox",), table, ["url", "gateway"])
    if ("url" in table) == ("gateway" in table):
        what = "[mailbox] needs the broker's url, or the address of the gateway that starts one"
        document.report(("mailbox",), what, _EXAMPLE)
        return None
    key = "url" if "url" in table else "gateway"
    text = document.take(("mailbox",), table, key, str, ...)
    if not text:
        return None
    where = document.where("mailbox", key)
    try:
        if key == "url":
            return from_url(text, where)
        return replace(from_url(f"mqtt://{text}", where), own=True)
    except UserError as error:
        document.problems += error.problems
        return None


def from_url(url: str, where: Where | None = None) -> Mailbox:
    """The broker at ``mqtt://host:port`` or ``mqtts://``. Raises ``UserError``."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/"):
        raise fail(f'url: "{url}" is not the address of an MQTT broker', _EXAMPLE, where)
    if parts.username or parts.password:
        what = "a broker's user and password do not belong in its address"
        raise fail(what, "put [mailbox] user and password into secrets.toml", where)
    tls = parts.scheme == "mqtts"
    return Mailbox(parts.hostname, port or PORTS[parts.scheme], tls, where or Where("--broker"))


def takes_requests(
    document: Document, path: tuple[str, ...], table: dict[str, Any], deep: bool
) -> bool:
    """Return whether the board has a mailbox; with a broker, every deep sleeper has by default."""
    there = "mailbox" in document.data
    wanted = document.take(path, table, "mailbox", bool, deep and there)
    if wanted and not there:
        what = "the cluster has no broker for mailboxes"
        document.report((*path, "mailbox"), what, "add a table [mailbox] with its `url`")
    return bool(wanted)
