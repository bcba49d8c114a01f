"""Images written by hand, so that the simulator is tested without the linker and the kernel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torpor_sim import LogLine
from torpor_tools.errors import Where
from torpor_tools.model.board import Board, Filesystem
from torpor_tools.model.cluster import ServiceEntry
from torpor_tools.model.contract import Contract
from torpor_tools.model.image import Image, SizeTable
from torpor_tools.model.plan import BoardPlan, PlacedService

_NOWHERE = Where("cluster.toml")
READY = "print('        1 INFO  kernel: ready')\n"

# Joins, so that other boards find this one as shed.local.
ANNOUNCE = """
import network, time
network.hostname("shed")
wlan = network.WLAN(network.WLAN.IF_STA)
wlan.active(True)
wlan.connect("home", "secret")
while not wlan.isconnected():
    time.sleep_ms(1)
"""

# Answers every request on its port with the result of `answer(path)`, on a new connection each.
SERVER = """
import asyncio, socket

async def client(reader, writer):
    head = await reader.readline()
    path = head.split()[1].decode()
    while await reader.readline() != b"\\r\\n":
        pass
    body = str(answer(path)).encode()
    writer.write(b"HTTP/1.0 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
    await writer.drain()
    writer.close()
    await writer.wait_closed()

async def serve(*ports):
    for port in ports:
        await asyncio.start_server(client, "0.0.0.0", port)
    print("        1 INFO  kernel: ready")
    await asyncio.sleep(1000)

"""


def board(port: str = "rp2", **changes: Any) -> Board:
    """A Pico W, or an ESP32, with the limits that the test needs."""
    values: dict[str, Any] = {
        "name": "RPI_PICO_W" if port == "rp2" else "ESP32_GENERIC",
        "title": "a board",
        "chip": "RP2040" if port == "rp2" else "ESP32",
        "port": port,
        "flash_bytes": 1 << 21,
        "heap_bytes": 190 * 1024,
        "listeners": 8,
        "connections": 5,
        "sockets": 15,
        "stubs": "",
        "filesystem": Filesystem(0, 4096, 212, 256, 32, 0x20000),
        "firmware": None,
    }
    return Board(**values | changes)


def plan(
    name: str = "shed",
    ports: Mapping[str, int | None] | None = None,
    config: dict[str, Any] | None = None,
    board_type: Board | None = None,
) -> BoardPlan:
    """A board called ``name`` with services on ``ports``, all with the same ``config``."""
    services = []
    for service, port in (ports or {}).items():
        entry = ServiceEntry(service, port, _NOWHERE, config or {})
        contract = Contract(service, service.title(), _NOWHERE, (), ())
        services.append(PlacedService(entry, contract, Path(service)))
    return BoardPlan(name, board_type or board(), tuple(services))


def image(folder: Path, files: str | Mapping[str, str], where: BoardPlan | None = None) -> Image:
    """An image of ``files`` (or of a main.py), written to ``folder``."""
    contents = {"main.py": files} if isinstance(files, str) else files
    tree = folder / "fs"
    for name, text in contents.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    return Image(where or plan(), folder, tree, folder / "image.lfs", SizeTable((), 0))


_STAY = "\nimport time\nwhile True:\n    time.sleep(1)\n"


def program(folder: Path, source: str, where: BoardPlan | None = None) -> Image:
    """An image that is ready at once, runs ``source`` and then does nothing."""
    return image(folder, READY + source + _STAY, where)


def printed(log: Sequence[LogLine]) -> list[str]:
    """The lines that a board's programs have printed besides the log."""
    return [line.text for line in log if not line.level]
