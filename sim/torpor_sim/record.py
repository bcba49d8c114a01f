"""The counts of a simulator that records: see ``shims/_record.py``."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from torpor_tools.model.image import Image

from .flash import BoardFolder

_CHIP_WORD = 2  # a word of a chip is half as long as one of this machine


@dataclass
class Recorded:
    """The counts of a recorded run.

    ``calls``: (service, peer, method) -> count. ``heap``: service -> bytes on a chip after its
    start. ``base``: board -> bytes on a chip of the runtime without the services.
    """

    calls: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    heap: dict[str, int] = field(default_factory=dict)
    base: dict[str, int] = field(default_factory=dict)


def links(image: Image) -> list[tuple[str, str, str]]:
    """The peers of an image's services: service, attribute, peer."""
    return [
        (service.name, peer.attribute, peer.service)
        for service in image.board.services
        for peer in service.contract.peers
    ]


def recorded(storage: Path) -> Recorded:
    """The sum over all boards of the simulator that recorded in this storage folder."""
    found = Recorded()
    for trace in sorted(storage.glob("*/trace.jsonl")):
        board = trace.parent.name
        for line in BoardFolder(trace.parent).trace.read_text(encoding="utf-8").splitlines():
            event = json.loads(line)
            if event["event"] == "calls":
                for service, peer, method, count in event["counts"]:
                    found.calls[service, peer, method] += count
            elif event["event"] == "heap":
                found.base[board] = event["base"] // _CHIP_WORD
                for service, size in event["services"].items():
                    found.heap[service] = size // _CHIP_WORD
    return found
