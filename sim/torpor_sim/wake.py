"""The pins that wake a simulated board from deep sleep."""

from __future__ import annotations

from .inputs import Inputs
from .lines import Event


class WakePins:
    """The pins that a run has chosen as its wake sources, with the levels that they wait for."""

    def __init__(self, inputs: Inputs) -> None:
        self._inputs = inputs
        self._sources: dict[str, Event] = {}  # by their kind: ext0, ext1 or gpio

    def __bool__(self) -> bool:
        return bool(self._sources)

    def clear(self) -> None:
        """Forget the sources, as a start does."""
        self._sources.clear()

    def add(self, source: Event) -> None:
        """Add what the program chose. A source replaces an earlier one of its kind."""
        self._sources[source["kind"]] = source

    def met(self) -> str | None:
        """Return the kind of source whose pins have the level that it waits for."""
        for kind, source in self._sources.items():
            levels = [self._inputs.level(pin) for pin in source["pins"] or ()]
            if kind == "ext1" and not source["level"]:
                met = bool(levels) and not any(levels)
            else:
                met = source["level"] in levels
            if met:
                return kind
        return None
