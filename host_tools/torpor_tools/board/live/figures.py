"""A board's figures, which ``firmware/torpor/tools.py`` and ``metrics/`` collect."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

TYPE = "text/plain; version=0.0.4; charset=utf-8"  # the media type of the exposition format
CLASSES = ("2xx", "3xx", "4xx", "5xx")
BOUNDS_S = ("0.01", "0.1", "1", "+Inf")
SUM_MS = 8  # index of the sum of durations, behind classes and buckets

Snapshot = dict[str, Any]
Family = tuple[str, str, list[str]]  # name, type, and lines of samples


def text(families: Iterable[Family]) -> str:
    """Families in Prometheus's text format; those of the same name become one."""
    joined: dict[str, tuple[str, list[str]]] = {}
    for name, kind, lines in families:
        joined.setdefault(name, (kind, []))[1].extend(lines)
    parts = [
        "".join(f"{line}\n" for line in [f"# TYPE {name} {kind}", *lines])
        for name, (kind, lines) in joined.items()
    ]
    return "".join(parts)


def families(s: Snapshot) -> Iterator[Family]:
    """The families of a snapshot, in the order in which the board itself writes them.

    Raises ``KeyError``, ``TypeError`` or ``ValueError`` for what is not a snapshot.
    """
    at = {"board": s["board"]}
    build = {"cluster": s["cluster"], "build": s["build"], "micropython": s["micropython"]}
    yield one("torpor_build_info", "gauge", at | build, 1)
    yield one("torpor_start", "gauge", at | {"cause": s["reset"]}, 1)
    opened, slots, evicted, refused = s["connections"]
    gauges = {
        "uptime_seconds": s["uptime"],
        "heap_free_bytes": s["free"],
        "heap_used_bytes": s["used"],
        "heap_largest_block_bytes": s["largest"],
        "gc_longest_pause_seconds": s["pause_us"] / 1_000_000,
        "wifi_rssi_dbm": s["rssi"],
        "connections": opened,
        "connection_slots": slots,
        "services_failed": len(s["failed"]),
    }
    for name, value in gauges.items():
        if value is not None:
            yield one(f"torpor_{name}", "gauge", at, value)
    counters = {
        "gc_collections": s["collections"],
        "wifi_reconnections": s["joins"],
        "connections_evicted": evicted,
        "connections_refused": refused,
        "loop_stalls": s["stalls"],
    }
    for name, value in counters.items():
        yield one(f"torpor_{name}_total", "counter", at, value)
    name, resets = "torpor_resets_total", s.get("resets", {})  # older images do not count them
    yield name, "counter", [sample(name, at | {"cause": c}, resets[c]) for c in resets]
    yield from _of_routes(s, at)
    for index, what in enumerate(("commits", "erases", "written_bytes"), 1):
        name = f"torpor_store_{what}_total"
        lines = [sample(name, at | {"service": each[0]}, each[index]) for each in s["stores"]]
        yield name, "counter", lines
    name = "torpor_peer_calls_total"
    outcomes = ("value", "fault", "error")
    lines = [
        sample(name, at | {"method": target, "outcome": outcome}, number)
        for target, *numbers in s["peers"]
        for outcome, number in zip(outcomes, numbers, strict=False)
    ]
    yield name, "counter", lines
    name = "torpor_peer_duration_seconds_total"
    lines = [
        sample(name, at | {"method": target}, numbers[3] / 1_000_000)
        for target, *numbers in s["peers"]
    ]
    yield name, "counter", lines


def _of_routes(s: Snapshot, at: dict[str, str]) -> Iterator[Family]:
    name, responses = "torpor_http_responses_total", []
    duration, durations = "torpor_http_duration_seconds", []
    for service, verb, path, numbers in s["routes"]:
        labels = at | {"service": service, "method": verb, "route": path}
        for status, number in zip(CLASSES, numbers, strict=False):
            if number:
                responses.append(sample(name, labels | {"status": status}, number))
        count = 0
        for bound, number in zip(BOUNDS_S, numbers[len(CLASSES) : SUM_MS], strict=True):
            count += number
            durations.append(sample(f"{duration}_bucket", labels | {"le": bound}, count))
        durations.append(sample(f"{duration}_sum", labels, numbers[SUM_MS] / 1000))
        durations.append(sample(f"{duration}_count", labels, count))
    yield name, "counter", responses
    yield duration, "histogram", durations


def one(name: str, kind: str, labels: dict[str, str], value: float) -> Family:
    """A family of one sample."""
    return name, kind, [sample(name, labels, value)]


def sample(name: str, labels: dict[str, str], value: float) -> str:
    """A line of a sample."""
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return (
        f"{name}{{{shown}}} {value:f}"
        if isinstance(value, float)
        else f"{name}{{{shown}}} {int(value)}"
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
