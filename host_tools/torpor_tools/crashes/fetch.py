"""Fetches the records of a board: over the network, signed, or over USB."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..client.tools import Tools
from ..errors import UserError, fail
from .records import Incident, Record, incident, parse

if TYPE_CHECKING:
    from ..board.deploy.repl import Repl

_READ = """
import json, os
texts = []
try:
    for name in os.listdir("/.crashes"):
        if name != "settled":
            with open("/.crashes/" + name, "rb") as file:
                texts.append(str(file.read(), "utf-8"))
except OSError:
    pass
print(json.dumps(texts))
"""


@dataclass(frozen=True)
class Fetched:
    """The crashes that a board reports.

    Attributes:
        records: Its records.
        build: The id of the image that it runs; empty if that is not known.
        safe: In safe mode: services that must not run, and why; "" is the reason for all.
        times: How often each fault has occurred since the start, and since when, by its number.
        incidents: What failed since the start without a record.
    """

    records: tuple[Record, ...]
    build: str = ""
    safe: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[int, tuple[int, str]] = field(default_factory=dict)
    incidents: tuple[Incident, ...] = ()


def over_network(tools: Tools) -> Fetched:
    """The records of a board that runs. Raises ``UserError``."""
    state: dict[str, Any] = tools.ask("crashes", do="list")
    texts = [tools.ask("crashes", do="read", n=n) for n in state["records"]]
    if state["unsaved"]:
        texts.append(json.dumps(state["unsaved"]) + "\n(not saved: the board's flash is full)\n")
    faults = state["faults"] or ()
    times = {key: (count, since) for key, count, since, *_ in faults}
    incidents = tuple(found for fault in faults if (found := incident(fault)))
    return Fetched(_parsed(texts), state["build"], state["safe"], times, incidents)


def over_usb(connect: Callable[[], Repl]) -> Fetched:
    """The records of a board on USB. Its services stop; at the end it restarts."""
    from ..board.deploy.repl import BoardError  # needs an extra

    link = connect()
    try:
        link.restart()
        try:
            texts = json.loads(link.run(_READ).strip().splitlines()[-1])
        except BoardError as error:
            raise fail(f"the board on {link.device} could not read them", str(error)) from None
        return Fetched(_parsed(texts))
    finally:
        with contextlib.suppress(UserError):
            link.reset()
        link.close()


def _parsed(texts: list[str]) -> tuple[Record, ...]:
    """Those that can be read: a power cut may have left half of the newest."""
    records = []
    for text in texts:
        with contextlib.suppress(ValueError, KeyError):
            records.append(parse(text))
    return tuple(records)
