"""The cost of a call between boards, over loopback and without the simulator's links."""

from __future__ import annotations

import shutil
import socket
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tests.bench.lab import Lab
from tests.bench.registry import figure
from tests.helpers.several import write_boards
from torpor_tools.contracts import load_plan
from torpor_tools.link import build
from torpor_tools.link.compile import compile_all
from torpor_tools.link.sources import runtime_module
from torpor_tools.model.image import Image

_KEEPER = """
from torpor import Service, get


class Keeper(Service):
    @get("/newest/<fridge>")
    async def newest(self, fridge: str, limit: int = 1) -> list[dict]:
        return [{"time": 1700000000 + i, "celsius": 4.25} for i in range(limit)]
"""
_FRONT = """
from services.keeper import Keeper
from torpor import Service


class Front(Service):
    keeper: Keeper
"""
# Replaces main.py: calls through the stub and hand-written ones take turns, in bursts of 50.
_PROGRAM = """
import asyncio, gc, json, socket, time
from asyncio import core
import cluster
from torpor import kernel


class ByHand:
    def __init__(self):
        self.sock = socket.socket()
        self.sock.connect(socket.getaddrinfo("shed.local", 8001)[0][-1])
        self.sock.setblocking(False)
        self.buffer = bytearray(1460)

    async def newest(self, fridge, limit):
        request = "GET /newest/%s?limit=%d HTTP/1.1\\r\\nHost: shed.local\\r\\n\\r\\n"
        self.sock.write((request % (fridge, limit)).encode())
        data = b""
        while True:
            n = self.sock.readinto(self.buffer)
            if n is None:
                yield core._io_queue.queue_read(self.sock)
                continue
            data += self.buffer[:n]
            end = data.find(b"\\r\\n\\r\\n")
            if end < 0:
                continue
            at = data.find(b"Content-Length: ") + 16
            length = int(data[at : data.find(b"\\r", at)])
            if len(data) - end - 4 >= length:
                if data[9:12] != b"200":
                    raise OSError(data)
                return json.loads(data[end + 4 :])


async def burst(there):
    began = time.ticks_us()
    for _ in range(50):
        await there.newest("fridge-1", 3)
    return time.ticks_diff(time.ticks_us(), began)


async def main():
    board = kernel.current = kernel.Kernel(cluster)
    await board.start()
    stub = board.services["front"].keeper
    hand = ByHand()
    assert await stub.newest("fridge-1", 3) == await hand.newest("fridge-1", 3)
    rounds = []
    for turn in range(9):
        times = ([], [])
        for _ in range(10):
            for side in ((0, 1), (1, 0))[turn % 2]:
                gc.collect()
                times[side].append(await burst((stub, hand)[side]))
        rounds.append([min(side) for side in times])  # the burst with the least disturbance
    print(json.dumps(rounds[2:]))


asyncio.run(main())
"""
_USED = """
import gc, json
from torpor.rpc import client

gc.collect()
before = gc.mem_alloc()
import cluster_stubs

gc.collect()
print(json.dumps(gc.mem_alloc() - before))
"""
_DEAD = """
import asyncio, json, time
import cluster
from torpor import Fault, kernel
from torpor.deadline import deadline


async def main():
    board = kernel.current = kernel.Kernel(cluster)
    await board.start()
    calls = []
    for _ in range(6):
        began = time.ticks_us()
        try:
            with deadline(400):
                await board.services["front"].keeper.newest("fridge-1", 3)
        except Fault as fault:
            calls.append([fault.status, time.ticks_diff(time.ticks_us(), began) / 400000])
    print(json.dumps(calls))


asyncio.run(main())
"""


@dataclass(frozen=True)
class Pair:
    """The images of the calling board and of the called one."""

    front: Image
    shed: Image


def pair(lab: Lab, keeper: str = _KEEPER) -> Pair:
    """Link both boards."""
    root = Path(tempfile.mkdtemp(dir=lab.folder))
    services = {"keeper": keeper, "front": _FRONT}
    write_boards(root, services, {"shed": ["keeper"], "gate": ["front"]})
    plan = load_plan(root)
    out = Path(tempfile.mkdtemp(dir=lab.folder))
    return Pair(build(plan, "gate", out, types=False), build(plan, "shed", out, types=False))


def without_tags(lab: Lab, image: Image) -> Image:
    """Return the image with authentication tags of zeros, which it does not check.

    torpor has no such option.
    """
    module = runtime_module("torpor.rpc.frames", image.board.board.port)
    assert module
    head, _, rest = module.source.partition("        return frame + self.hash(frame)[:CODE]")
    source = head + "        return frame + bytes(CODE)" + rest
    head, _, rest = source.partition("        end = len(frame) - CODE")
    source = head + "        return True" + rest
    assert source.count("bytes(CODE)") == 1
    assert source.count("return True") == 1
    compiled, problems = compile_all([replace(module, source=source)])
    assert not problems
    tree = Path(tempfile.mkdtemp(dir=lab.folder)) / "fs"
    shutil.copytree(image.tree, tree)
    for name, data in compiled.items():
        (tree / name).write_bytes(data)
    return replace(image, tree=tree, folder=tree.parent)


def times(lab: Lab, boards: Pair) -> list[list[float]]:
    """Measure the calls through the stub and the hand-written ones: a pair of times per round."""
    host, port = lab.served(boards.shed).address("keeper")
    peers = {"shed.local": {"address": host, "ports": {"8001": port}}}
    rounds: list[list[float]] = lab.run_on_board(boards.front, _PROGRAM, peers=peers)
    return rounds


def plain(lab: Lab) -> list[list[float]]:
    """Measure both kinds of calls without authentication tags."""
    boards = pair(lab)
    return times(lab, Pair(without_tags(lab, boards.front), without_tags(lab, boards.shed)))


@figure("stub_over_handwritten", unit="ratio", goal=1.2, better="lower")
def stub_over_handwritten(lab: Lab) -> list[float]:
    """Compare a call through a stub with a hand-written HTTP call on a keep-alive connection.

    Neither has an authentication tag.
    """
    return _plain_ratios(lab)


@figure("hmac_cost", unit="ratio", goal=1.25, better="lower")
def hmac_cost(lab: Lab) -> list[float]:
    """Compare a call with and without authentication tags, each relative to a hand-written one."""
    signed = [stub / hand for stub, hand in times(lab, lab.once(pair))]
    return [with_ / without for with_, without in zip(signed, _plain_ratios(lab), strict=True)]


def _plain_ratios(lab: Lab) -> list[float]:
    return [stub / hand for stub, hand in lab.once(plain)]


@figure("stub_heap_per_method_bytes", unit="bytes", goal=500, better="lower")
def stub_heap_per_method_bytes(lab: Lab) -> float:
    """Measure the heap of one more method in a stub, on 64 bits.

    It is the mean of twenty methods with two arguments each.
    """

    def used(methods: int) -> int:
        lines = ["from torpor import Service", "", "", "class Keeper(Service):"]
        for number in range(methods):
            lines.append(f"    async def method{number}(self, name: str, limit: int = 1) -> dict:")
            lines.append("        return {}")
        return int(lab.run_on_board(pair(lab, "\n".join(lines) + "\n").front, _USED))

    return (used(24) - used(4)) / 20


@figure("dead_board_over_deadline", unit="ratio", goal=1.1, better="lower")
def dead_board_over_deadline(lab: Lab) -> float:
    """Compare the time of a call to a silent board with its deadline; return the worst of six."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        peers = {"shed.local": {"address": "127.0.0.1", "ports": {"8001": port}}}
        calls: Any = lab.run_on_board(lab.once(pair).front, _DEAD, peers=peers)
    assert {status for status, _ in calls} <= {503, 504}
    return float(max(ratio for _, ratio in calls))
