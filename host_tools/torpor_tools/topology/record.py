"""The call counts of a run in the simulator, as ``torpor sim --record FILE`` writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ..errors import fail

VERSION = 1


@dataclass(frozen=True)
class Record:
    """``calls``: (caller's service, peer's service, method) -> how often in ``seconds``.

    ``heap``: service -> bytes that a 32-bit chip needs for its code and its start; ``base`` the
    same of the runtime without services, by board.
    """

    seconds: float
    calls: dict[tuple[str, str, str], int]
    heap: dict[str, int]
    base: dict[str, int]

    def between(self) -> dict[tuple[str, str], int]:
        """The calls by (caller's service, peer's service)."""
        found: dict[tuple[str, str], int] = {}
        for (caller, peer, _), count in self.calls.items():
            found[caller, peer] = found.get((caller, peer), 0) + count
        return found


def read_record(path: Path) -> Record:
    """Read a recorded run. Raises ``UserError`` for a file that is not one."""
    remedy = "make one: torpor sim --record FILE"
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise fail(f"there is no {path.name}", remedy) from None
    except (OSError, ValueError) as error:
        raise fail(f"{path.name} is not a recorded run: {error}", remedy) from None
    try:
        if data["version"] != VERSION:
            raise ValueError(f"its version is {data['version']}")
        calls = {(c["from"], c["to"], c["method"]): int(c["count"]) for c in data["calls"]}
        heap = {name: int(size) for name, size in data["heap"].items()}
        base = {name: int(size) for name, size in data["base"].items()}
        return Record(float(data["seconds"]), calls, heap, base)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise fail(f"{path.name} is not a recorded run: {error!r}", remedy) from None


def write_record(path: Path, record: Record) -> None:
    """Write what ``read_record`` reads; the same run gives the same bytes."""
    data = {
        "version": VERSION,
        "seconds": round(record.seconds, 1),
        "calls": [
            {"from": caller, "to": peer, "method": method, "count": count}
            for (caller, peer, method), count in sorted(record.calls.items())
        ],
        "heap": dict(sorted(record.heap.items())),
        "base": dict(sorted(record.base.items())),
    }
    path.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8", newline="\n")
