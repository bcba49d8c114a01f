"""The addresses of the boards of a running simulator, for other programs."""

from __future__ import annotations

import json
from pathlib import Path

from .flash import BoardFolder
from .ports import Place


def simulated(storage: Path) -> dict[str, Place]:
    """The boards that a simulator with this storage folder runs, or ran last, by name."""
    found = {}
    for path in sorted(storage.glob("*/run/facts.json")):
        folder = BoardFolder(path.parents[1])
        facts = json.loads((folder.run / "facts.json").read_text(encoding="utf-8"))
        ports = {int(port): number for port, number in facts["ports"].items()}
        found[facts["name"]] = Place(facts["address"], ports)
    return found
