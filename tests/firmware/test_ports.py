"""An ESP32 in the simulator, which behaves like its port of MicroPython: bugs of the past, and a
test of each fix. A mistake undoes one fix, and its board then shows the symptom."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.helpers.ask import status
from tests.helpers.running import write_cluster
from torpor_sim import SimBoard, Simulator
from torpor_tools import paths
from torpor_tools.contracts import load_plan
from torpor_tools.link import build
from torpor_tools.model.board import Board
from torpor_tools.model.image import Image
from torpor_tools.model.port import Port
from torpor_tools.project.ports import load_port

Edit = tuple[str, str, str]  # file of the firmware, right text in it, text with a mistake

# The fix that is undone -> how. The text must occur exactly once, so that the mistake remains one
# when the code changes.
MISTAKES: dict[str, list[Edit]] = {
    "A1 power save while joining": [
        (
            "torpor/wifi.py",
            "    begin()\n    loop.spawn",
            "    begin()\n    _wlan.config(pm=_wlan.PM_PERFORMANCE)\n    loop.spawn",
        )
    ],
    "A2 number of EINPROGRESS": [("torpor/sockets.py", "e.errno != EINPROGRESS", "e.errno != 115")],
    "A3 one newcomer at a time": [
        ("torpor/http/listener.py", "while budget.newcomer:", "while 0:")
    ],
    "A3 age of a client that waited": [
        ("torpor/http/budget.py", "        connection.since = clock.ticks()\n", "")
    ],
    "A3 connections left": [],  # it is in the tools: see ``spoiled``
    "A4 no socket for accept": [
        ("torpor/http/listener.py", "error.errno == _ENFILE", "error.errno == 0")
    ],
    "A4 number of ECONNABORTED": [
        ("torpor/http/listener.py", "not in (ECONNABORTED, ECONNRESET)", "not in (103, 104)")
    ],
    "A5 host name": [("torpor/wifi.py", "        if host:\n", "        if 0:\n")],
    "A8 DNS 0.0.0.0": [
        ("torpor/wifi.py", ' and _known[3][3] != "0.0.0.0"', ""),
        (
            "torpor/wifi.py",
            'except (OSError, RuntimeError) as e:\n        _log.warning("joining the',
            'except OSError as e:\n        _log.warning("joining the',
        ),
    ],
    "A10 power save": [],  # it is in the tools
}
SOUND = "sound"
HOOKS = """
import asyncio
import errno
import socket

from torpor import Service, get

NUMBERS = {"ECONNABORTED": errno.ECONNABORTED, "ENFILE": 23}
to_raise = []
accept = socket._Tcp.accept


def failing(self):
    client, address = accept(self)
    if to_raise:
        client.close()
        raise OSError(to_raise.pop())
    return client, address


socket._Tcp.accept = failing


class A(Service):
    @get("/")
    async def read(self) -> int:
        return 1

    @get("/slow")
    async def slow(self) -> int:
        await asyncio.sleep_ms(150)
        return 1

    @get("/fail/<name>")
    async def fail(self, name: str) -> int:
        to_raise.append(NUMBERS[name])
        return 1

    @get("/last")
    async def last(self) -> int:
        self.log.info("the last line")
        return 1
"""
PLAIN = """
import asyncio

from torpor import Service, get


class {0}(Service):
    @get("/slow")
    async def slow(self) -> int:
        await asyncio.sleep_ms(150)
        return 1
"""
DOOR = """
from torpor import Service, every, get, on_wake


class Door(Service):
    @get("/")
    async def read(self) -> int:
        return 1

    @on_wake(pin=4, level=0)
    async def opened(self) -> None:
        self.log.info("opened")
"""
IDLE = 'mailbox = true\npower = { policy = "idle" }'
DEEP = 'power = { policy = "deep", linger_ms = 200, wake_every = "1h" }'


def all_connections(board: Board, listeners: int) -> int:
    return board.connections


def deepest_save(port: str) -> Port:
    facts = load_port(port)
    assert facts.wifi
    return dataclasses.replace(
        facts, wifi=dataclasses.replace(facts.wifi, pm_saving="PM_POWERSAVE")
    )


def spoiled(folder: Path, mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build images with a mistake."""
    copy = folder / "firmware"
    shutil.copytree(paths.firmware_dir(), copy)
    for file, right, wrong in MISTAKES.get(mistake, ()):
        text = (copy / file).read_text()
        assert text.count(right) == 1, f"{file} has changed: {right!r}"
        (copy / file).write_text(text.replace(right, wrong))
    monkeypatch.setattr(paths, "firmware_dir", lambda: copy)
    if mistake == "A3 connections left":
        monkeypatch.setattr(
            sys.modules["torpor_tools.link.wiring"], "connections_left", all_connections
        )
    if mistake == "A10 power save":
        monkeypatch.setattr("torpor_tools.link.radio.load_port", deepest_save)


def image(root: Path, name: str, mistake: str, broker: int) -> Image:
    """Return an image of the board ``name`` with that mistake: a board that sleeps deep for A8,
    otherwise one with four listeners and a mailbox."""
    deep = mistake.startswith("A8")
    plain = {each: PLAIN.format(each.upper()) for each in "bcd"}
    services = {"door": DOOR} if deep else {"a": HOOKS, **plain}
    folder = root / name
    write_cluster(folder, services, "ESP32_GENERIC")
    toml = folder / "cluster.toml"
    text = toml.read_text().replace("[boards.box]", f"[boards.{name}]\n{DEEP if deep else IDLE}")
    toml.write_text(f'{text}\n[mailbox]\nurl = "mqtt://127.0.0.1:{broker}"\n')
    with pytest.MonkeyPatch.context() as monkeypatch:
        spoiled(folder, mistake, monkeypatch)
        return build(load_plan(folder), name, folder / "build", types=False)


class Broker:
    """Accepts every client that speaks MQTT and notes its name."""

    def __init__(self) -> None:
        self.heard = asyncio.Queue[str]()
        self.names: set[str] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.read(200)
        if hello[:1] == b"\x10":
            start = hello.index(b"torpor-test-") + len(b"torpor-test-")
            self.names.add(hello[start:].split(b"\0")[0].decode())
            writer.write(b"\x20\x02\0\0")
        with contextlib.suppress(ConnectionError):
            while await reader.read(1000):
                pass
        writer.close()


async def until(holds: Callable[[], object], board: SimBoard) -> None:
    async with asyncio.timeout(60):
        while not holds() and not board.crashes:
            await asyncio.sleep(0.02)


async def started(board: SimBoard) -> None:
    await until(lambda: board.is_ready and board.announced, board)


# The symptoms: each function returns whether the board shows it.


async def dies(board: SimBoard, broker: Broker) -> bool:
    await started(board)
    return bool(board.crashes)


async def has_no_mailbox(board: SimBoard, broker: Broker) -> bool:
    def is_known() -> bool:
        failed = any("broker:" in str(line) for line in board.log)
        return failed or board.name in broker.names

    await until(is_known, board)
    return board.name not in broker.names


async def loses_clients(board: SimBoard, broker: Broker) -> bool:
    await started(board)
    await until(lambda: board.name in broker.names, board)  # it has a socket too
    ports = [8001, 8002, 8003, 8004] * 4
    statuses = await asyncio.gather(*(status(board, port, "/slow") for port in ports))
    return not set(statuses) <= {200, 503}


async def closes_listeners(board: SimBoard, broker: Broker) -> bool:
    await started(board)
    for name, port in (("ECONNABORTED", 8002), ("ENFILE", 8003)):
        assert await status(board, 8001, f"/fail/{name}") == 200
        assert await status(board, port, "/slow") == 0
    assert await status(board, 8001, "/last") == 200
    await board.wait_log("the last line")  # the lines of the listeners come before it
    return any("goes on in 1 s" in str(line) for line in board.log)


async def has_no_name(board: SimBoard, broker: Broker) -> bool:
    await started(board)
    return board.announced != board.name


async def misses_broadcasts(board: SimBoard, broker: Broker) -> bool:
    await started(board)
    saves = [e["power"] for e in board.trace if e["event"] == "radio" and e["state"] == "up"]
    return saves != ["performance"]


async def wakes_badly(board: SimBoard, broker: Broker) -> bool:
    """Wake the board in a network without a DNS server."""
    await seen(board, 0, event="deepsleep")
    mark = board.trace.mark()
    board.inputs.pin(4, 0)
    await seen(board, mark, state="up")
    return bool(board.crashes)


async def seen(board: SimBoard, mark: int, **fields: str) -> None:
    """Wait for a trace event with these fields, or a crash."""
    wanted = fields.items()
    await until(lambda: any(wanted <= event.items() for event in board.trace.since(mark)), board)


SYMPTOMS: dict[str, Callable[[SimBoard, Broker], Awaitable[bool]]] = {
    "A1": dies,
    "A2": has_no_mailbox,
    "A3": loses_clients,
    "A4": closes_listeners,
    "A5": has_no_name,
    "A10": misses_broadcasts,
    "A8": wakes_badly,
}


async def test_the_fixes_work_and_each_is_needed(tmp_path: Path) -> None:
    broker = Broker()
    async with await asyncio.start_server(broker.serve, "127.0.0.1", 0) as server:
        number = server.sockets[0].getsockname()[1]
        boards: dict[str, str] = {"sound": SOUND, "deep": "A8 sound"}
        boards |= {f"m{i}": mistake for i, mistake in enumerate(MISTAKES)}
        images = [image(tmp_path, name, mistake, number) for name, mistake in boards.items()]
        storage = tmp_path / "sim"
        for name in boards:
            run = storage / name / "run"
            run.mkdir(parents=True)
            wifi: dict[str, int | str] = {
                "join_ms": 20_000 if "A1 " in boards[name] else 1500 if name == "sound" else 20
            }
            wifi |= {"dns": "0.0.0.0"} if boards[name].startswith("A8") else {}
            (run / "inputs.json").write_text(json.dumps({"wifi": wifi, "pins": {"4": 1}}))
        sim = Simulator(images, ports="os", storage=storage, fresh=False)
        try:
            sim.start()

            async def shows(name: str, mistake: str) -> list[str]:
                board = sim.board(name)
                found = []
                for key, symptom in SYMPTOMS.items():
                    deep = mistake.startswith("A8")
                    mine = key == mistake.split()[0] if name not in ("sound", "deep") else True
                    if mine and deep == (key == "A8") and await symptom(board, broker):
                        found.append(key)
                return found

            results = await asyncio.gather(*(shows(n, m) for n, m in boards.items()))
        finally:
            await sim.stop()
    expected = [[] if name in ("sound", "deep") else [m.split()[0]] for name, m in boards.items()]
    assert dict(zip(boards.values(), results, strict=True)) == dict(
        zip(boards.values(), expected, strict=True)
    )
