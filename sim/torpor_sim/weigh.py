"""Measures how much heap each part of an image takes, by starting it once."""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torpor_tools.errors import fail
from torpor_tools.model.image import Image

from .facts import facts, heap_bytes
from .flash import BoardFolder, write_json
from .inputs import Inputs, defaults
from .lines import Event, LogLine
from .ports import Ports
from .process import Process
from .wiring import wire

_QSTR_INFO = re.compile(r"qstr pool: |GC: ")  # lines of ``micropython.qstr_info``


@dataclass(frozen=True)
class Weights:
    """Bytes of heap in this computer's MicroPython; its words are twice as long as a chip's."""

    parts: Mapping[str, int]  # name of a module or a service -> the bytes that it takes alone
    on_request: Mapping[str, int]  # the same for the modules of services that start on request
    failed: Mapping[str, str]  # such a service that did not start -> why
    used: int  # of the whole heap, once the board is ready
    free: int
    names: int = 0  # that the image has made, including those of services that start on request


def weigh(image: Image, timeout: float = 20.0) -> Weights:
    """Start the image in the simulator until it is ready.

    Names share one table, which doubles when it is full. Here it is large enough from the start, so
    that its growth counts for no module. Raises ``UserError`` if the board is not ready within
    ``timeout`` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="torpor-weigh-") as folder:
        return asyncio.run(_weigh(image, BoardFolder(Path(folder)), timeout))


async def _weigh(image: Image, folder: BoardFolder, timeout: float) -> Weights:
    board = image.board
    folder.prepare(board.board, fresh=False)
    folder.install(image.tree)
    wire(folder, board)
    (folder.flash / "main.py").write_text(
        "import _weigh\n_weigh.run()\n", encoding="utf-8", newline="\n"
    )
    (folder.flash / "boot.py").unlink(
        missing_ok=True
    )  # its modules are measured too; a process has none
    Inputs(folder.inputs).prepare(defaults(board))
    ports = Ports(bind=None, base=None, mode="os")
    place = ports.place([board])[board.name]
    devices = [device.name for device in board.devices]
    known = facts(
        board.name,
        board.board,
        place,
        folder,
        reset_cause="power-on",
        wake_reason="",
        devices=devices,
    )
    write_json(folder.run / "facts.json", known)
    weights: list[Weights] = []
    lines: list[LogLine] = []

    def collect(item: LogLine | Event) -> None:
        if isinstance(item, LogLine):
            lines.append(item)
        elif item["event"] == "weighed":
            parts, more, failed = item["heap"], item["on_request"], item["failed"]
            names = _names(lines)
            weights.append(Weights(parts, more, failed, item["used"], item["free"], names))
            process.kill()
        elif item["event"] in ("reset", "deepsleep"):
            process.kill()

    process = Process(
        # Twice the heap, so that an image that is too large for its board can be weighed.
        board.name,
        folder,
        2 * heap_bytes(board.board, len(devices)),
        collect,
        known["token"],
    )
    run = asyncio.create_task(process.run())
    try:
        done, _ = await asyncio.wait({run}, timeout=timeout)
    finally:
        process.kill()
        await run
        ports.close()
    if not weights:
        within = "" if done else f" within {timeout:.0f} s"
        said = [line for line in lines if not _QSTR_INFO.match(line.text)]
        last = f": {said[-1]}" if said else ": the start of a service does not end"
        raise fail(f"{board.name} did not become ready{within}{last}", "run it: torpor sim")
    return weights[0]


def _names(lines: Sequence[LogLine]) -> int:
    """Return how many names were made between the two reports of ``micropython.qstr_info``."""
    counts = [int(n) for line in lines for n in re.findall(r"n_qstr=(\d+)", str(line))]
    return counts[-1] - counts[0] if len(counts) > 1 else 0
