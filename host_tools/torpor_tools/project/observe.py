"""``[log]`` of ``cluster.toml``, and the levels of services."""

from __future__ import annotations

import re
from typing import Any

from ..model.observe import DEFAULT_LEVEL, LEVELS, Observe, Syslog
from ..suggest import did_you_mean, listing
from .document import Document

SYSLOG_PORT = 514  # RFC 5426, 3.3
_ADDRESS = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)(?::(\d{1,5}))?")


def read_observe(document: Document) -> Observe:
    """Read what boards report while they run; mistakes go to ``document``."""
    log = document.take((), document.data, "log", dict, {})
    document.only(("log",), log, ["level", "syslog"])
    services = document.data.get("services")
    tables = services.items() if isinstance(services, dict) else ()
    levels = {
        name: _level(document, ("services", name), table, "log")
        for name, table in tables
        if isinstance(table, dict) and "log" in table
    }
    return Observe(_level(document, ("log",), log, "level"), levels, _syslog(document, log))


def _level(document: Document, path: tuple[str, ...], table: dict[str, Any], key: str) -> str:
    level: str = document.take(path, table, key, str, DEFAULT_LEVEL)
    if level not in LEVELS:
        remedy = did_you_mean(level, LEVELS) or f"levels: {listing(LEVELS)}"
        document.report((*path, key), f'{key}: there is no level "{level}"', remedy)
        return DEFAULT_LEVEL
    return level


def _syslog(document: Document, table: dict[str, Any]) -> Syslog | None:
    if "syslog" not in table:
        return None
    text = document.take(("log",), table, "syslog", str, "")
    match = _ADDRESS.fullmatch(text)
    port = int(match[2] or SYSLOG_PORT) if match else 0
    if match and 0 < port < 65536:
        return Syslog(match[1], port)
    if text:
        what = f'syslog: "{text}" is not a host or host:port'
        document.report(("log", "syslog"), what, 'write syslog = "192.168.1.5"')
    return None
