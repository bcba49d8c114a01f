"""``[log]``, ``[metrics]`` and ``[traces]`` of ``cluster.toml``, and the levels of services."""

from __future__ import annotations

import re
from typing import Any

from ..model.observe import DEFAULT_LEVEL, LEVELS, LISTENER, Metrics, Observe, Syslog, Traces
from ..suggest import did_you_mean, listing
from .document import Document

SYSLOG_PORT = 514  # RFC 5426, 3.3
_URL = re.compile(r"https?://[A-Za-z0-9._-]+(:\d{1,5})?(/[\w./-]*)?")
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
    level = _level(document, ("log",), log, "level")
    return Observe(level, levels, _syslog(document, log), _metrics(document), _traces(document))


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


def _metrics(document: Document) -> Metrics | None:
    if "metrics" not in document.data:
        return None
    path = ("metrics",)
    table = document.take((), document.data, "metrics", dict, {})
    document.only(path, table, ["service", "port"])
    if ("service" in table) == ("port" in table):
        what = "[metrics] names the service that serves /metrics, or else a port of its own"
        document.report(path, what, 'write service = "device", or port = 9100')
        return None
    service = document.take(path, table, "service", str, None)
    port = document.take(path, table, "port", int, None)
    services = document.data.get("services")
    services = services if isinstance(services, dict) else {}
    if port is not None:
        _check_port(document, port, services)
    elif service is not None:
        _check_service(document, service, services)
    else:
        return None
    return Metrics(service, port, document.where("metrics"))


def _traces(document: Document) -> Traces | None:
    if "traces" not in document.data:
        return None
    table = document.take((), document.data, "traces", dict, {})
    document.only(("traces",), table, ["otlp"])
    url = document.take(("traces",), table, "otlp", str, None)
    if url is not None and not _URL.fullmatch(url):
        what = f'otlp: "{url}" is not the address of a collector'
        document.report(("traces", "otlp"), what, 'write otlp = "http://192.168.1.5:4318"')
    return Traces(url.rstrip("/") if url else None)


def _check_port(document: Document, port: int, services: dict[str, Any]) -> None:
    at = ("metrics", "port")
    if not 0 < port < 65536:
        document.report(at, f"port: expected 1 to 65535, got {port}", "write port = 9100")
    for name, table in services.items():
        if isinstance(table, dict) and table.get("port") == port and port:
            document.report(at, f"{name} has port {port} as well", "write port = 9100")
    if LISTENER in services:
        what = f"the service {LISTENER} has the name of the listener with this port"
        document.report(at, what, f'write service = "{LISTENER}" instead, or rename the service')


def _check_service(document: Document, service: str, services: dict[str, Any]) -> None:
    at = ("metrics", "service")
    table = services.get(service)
    if not isinstance(table, dict):
        remedy = did_you_mean(service, services) or f"services: {listing(services)}"
        document.report(at, f'there is no service "{service}"', remedy)
    elif table.get("port") is False:
        document.report(at, f"{service} has no port", "name another service, or write port = 9100")
    elif table.get("start") == "on-request":
        what = f"{service} starts on request, so it does not always have its routes"
        document.report(at, what, "name another service, or write port = 9100")
