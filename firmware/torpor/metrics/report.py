"""Collects the figures of a board, and writes them for Prometheus."""

import json
import sys

from .. import kernel, port, tools
from ..cold import cold
from ..http.response import head
from . import BOUNDS_S, CLASSES, joins, peers, routes, totals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Iterator

    from ..http.listener import Connection

_TYPE = "text/plain; version=0.0.4; charset=utf-8"  # of the exposition format
_RESETS = "/.resets"


@cold
def _resets() -> dict:
    """Return how often each cause has started the board."""
    try:
        with open(_RESETS) as file:
            found = json.load(file)
            return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


@cold
def count_reset() -> None:
    """Count this start by its cause, in a file: one write to the flash.

    A wake from deep sleep is not a reset, so a board that sleeps does not write each time.
    """
    cause = port.reset_cause()
    if cause == "deep sleep":
        return
    found = _resets()
    found[cause] = found.get(cause, 0) + 1
    try:
        with open(_RESETS, "w") as file:
            json.dump(found, file)
    except OSError:
        pass  # the flash is full


@cold
def snapshot() -> dict:
    """Return all figures as JSON values. ``figures.text`` of the host writes the same from them."""
    found = tools.snapshot()
    found["joins"] = joins[0]
    found["resets"] = _resets()
    found["stalls"] = getattr(sys.modules.get("torpor.watchdog"), "stalls", 0)
    found["routes"] = [f[-3:] + [totals(f)] for f in routes.values() if f[-3]]
    found["peers"] = [[target] + peers[target] for target in peers]
    stores = found["stores"] = []
    for name, service in kernel.current.services.items():
        store = getattr(service, "store", None)
        if store:
            # One erase for each flush, two for each compaction of 2 kB: see store/admin.py.
            erases = store.flushes + store.written // 1024
            stores.append([name, store.commits, erases, store.written])
    return found


@cold
async def status() -> dict:
    """Answer ``torpor top``."""
    return snapshot()


@cold
async def serve(connection: "Connection", handler: tuple, unread: bytes) -> bytes:
    """Send the figures one piece at a time: the whole text is larger than the gaps of a heap."""
    request = connection.request
    if request.http10:
        request.keep = False
    chunked = not request.http10
    lead = head(request, 200, _TYPE, None, "Transfer-Encoding: chunked" if chunked else None)
    await connection.send(lead.encode())
    if request.verb == "HEAD":
        return b""
    for piece in pieces(snapshot()):
        data = piece.encode()
        await connection.send(b"%x\r\n%s\r\n" % (len(data), data) if chunked else data)
    return b"0\r\n\r\n" if chunked else b""


@cold
def pieces(s: dict) -> "Iterator":
    """Yield the text of a snapshot. ``figures.text`` of the host writes the same."""
    at = 'board="%s"' % s["board"]
    labels = (at, s["cluster"], s["build"], s["micropython"])
    info = '%s,cluster="%s",build="%s",micropython="%s"' % labels
    yield _gauge("torpor_build_info", info, 1)
    # Always 1, with the cause of the current start as a label.
    yield _gauge("torpor_start", '%s,cause="%s"' % (at, s["reset"]), 1)
    for name, value in (
        ("uptime_seconds", s["uptime"]),
        ("heap_free_bytes", s["free"]),
        ("heap_used_bytes", s["used"]),
        ("heap_largest_block_bytes", s["largest"]),
        ("gc_longest_pause_seconds", s["pause_us"] / 1000000),
        ("wifi_rssi_dbm", s["rssi"]),
        ("connections", s["connections"][0]),
        ("connection_slots", s["connections"][1]),
        ("services_failed", len(s["failed"])),
    ):
        if value is not None:
            yield _gauge("torpor_" + name, at, value)
    for name, value in (
        ("gc_collections", s["collections"]),
        ("wifi_reconnections", s["joins"]),
        ("connections_evicted", s["connections"][2]),
        ("connections_refused", s["connections"][3]),
        ("loop_stalls", s["stalls"]),
    ):
        yield "# TYPE torpor_%s_total counter\n" % name
        yield "torpor_%s_total{%s} %d\n" % (name, at, value)
    yield "# TYPE torpor_resets_total counter\n"
    for cause in s["resets"]:
        yield 'torpor_resets_total{%s,cause="%s"} %d\n' % (at, cause, s["resets"][cause])
    yield "# TYPE torpor_http_responses_total counter\n"
    for service, verb, path, figures in s["routes"]:
        route = '%s,service="%s",method="%s",route="%s"' % (at, service, verb, path)
        for i in range(4):
            if figures[i]:
                line = 'torpor_http_responses_total{%s,status="%s"} %d\n'
                yield line % (route, CLASSES[i], figures[i])
    yield "# TYPE torpor_http_duration_seconds histogram\n"
    for service, verb, path, figures in s["routes"]:
        route = '%s,service="%s",method="%s",route="%s"' % (at, service, verb, path)
        text = ""
        count = 0
        for i in range(4):
            count += figures[4 + i]
            line = 'torpor_http_duration_seconds_bucket{%s,le="%s"} %d\n'
            text += line % (route, BOUNDS_S[i], count)
        text += "torpor_http_duration_seconds_sum{%s} %f\n" % (route, figures[8] / 1000)
        yield text + "torpor_http_duration_seconds_count{%s} %d\n" % (route, count)
    for i, name in enumerate(("commits", "erases", "written_bytes")):
        yield "# TYPE torpor_store_%s_total counter\n" % name
        for store in s["stores"]:
            line = 'torpor_store_%s_total{%s,service="%s"} %d\n'
            yield line % (name, at, store[0], store[1 + i])
    yield "# TYPE torpor_peer_calls_total counter\n"
    for peer in s["peers"]:
        for i, outcome in enumerate(("value", "fault", "error")):
            line = 'torpor_peer_calls_total{%s,method="%s",outcome="%s"} %d\n'
            yield line % (at, peer[0], outcome, peer[1 + i])
    yield "# TYPE torpor_peer_duration_seconds_total counter\n"
    for peer in s["peers"]:
        line = 'torpor_peer_duration_seconds_total{%s,method="%s"} %f\n'
        yield line % (at, peer[0], peer[4] / 1000000)


@cold
def _gauge(name: str, labels: str, value) -> str:
    form = "%f" if isinstance(value, float) else "%d"
    return "# TYPE %s gauge\n%s{%s} %s\n" % (name, name, labels, form % value)
