"""A board behind the gateway: awake, and asleep with a request waiting."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.bench.lab import FLOORS, Lab
from tests.bench.load import Address, load
from tests.bench.registry import figure
from tests.helpers.brokers import LOGIN, Broker
from tests.helpers.held import held_port
from tests.helpers.mail import write
from tests.helpers.running import running_images
from tests.helpers.storm import GatewayProcess
from torpor_sim import SimBoard
from torpor_tools.gateway import message
from torpor_tools.gateway.broker import Broker as Client
from torpor_tools.link import build

_SOURCE = """
from torpor import Service, get, on_wake


class Items(Service):
    @on_wake(pin=4, level=0)
    async def opened(self) -> None:
        pass

    @get("/items")
    async def all(self) -> dict:
        return {"name": "fridge-1", "limit": 10}
"""
_SECONDS = 0.4


@contextmanager
def _gateway() -> Iterator[tuple[Address, Address]]:
    """Yield the addresses of a board that stays awake, and of a gateway in its own process."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        root = Path(folder)
        broker = Broker("nats", root / "broker")
        power = 'policy = "deep"\nlinger_ms = 60000\nwake_every = "1h"'
        image = build(write(root, broker, source=_SOURCE, power=power), "box", root / "build")
        gateway = GatewayProcess(root)
        broker.start()
        try:
            with running_images([image], storage=root / "build" / "sim") as run:
                gateway.start()
                address = ("127.0.0.1", gateway.port)
                _wait_for(address)
                yield run.address("items"), address
        finally:
            gateway.kill()
            broker.kill()


def _wait_for(gateway: Address) -> None:
    """Wait until the gateway knows that the board is awake."""
    url = f"http://{gateway[0]}:{gateway[1]}/~gateway"
    for _ in range(600):
        with contextlib.suppress(httpx.TransportError):
            boards = httpx.get(url, trust_env=False).json()["boards"]
            if boards.get("box", {}).get("state") == "awake":
                return
        time.sleep(0.05)
    raise RuntimeError("the gateway does not know that the board is awake")


@contextmanager
def _plain_proxy(board: Address) -> Iterator[Address]:
    """Run ``floors/plain_proxy.py`` in front of the board, and yield its address."""
    with held_port() as port:
        program = [sys.executable, str(FLOORS / "plain_proxy.py"), str(port)]
        process = subprocess.Popen([*program, board[0], str(board[1])], stdout=subprocess.PIPE)
        try:
            assert process.stdout
            process.stdout.readline()
            yield "127.0.0.1", port
        finally:
            process.kill()
            process.wait()


@figure("gateway_over_plain_proxy", unit="ratio", goal=3, better="lower")
def over_plain_proxy(lab: Lab) -> list[float]:
    """Compare the latency of an awake board through the gateway and through a plain proxy.

    It is the median on one connection. The proxy has twenty lines and copies bytes.
    """
    with _gateway() as (board, gateway), _plain_proxy(board) as proxy:

        def latency(address: Address) -> float:
            return load(address, "/items", seconds=_SECONDS).percentile(0.5)

        return lab.ratios(lambda: latency(gateway), lambda: latency(proxy))


@figure("wake_to_answer_over_floor", unit="ratio", goal=1.5, better="lower")
def wake_to_answer(lab: Lab) -> list[float]:
    """Compare the time from a wake to the response to a parked request with ``floors/parked.py``.

    It begins when MicroPython starts. Joining the simulated access point takes 20 ms.
    """
    with contextlib.ExitStack() as stack:
        return lab.ratios(_sleeper(lab, stack, None), _sleeper(lab, stack, FLOORS / "parked.py"))


def _sleeper(lab: Lab, stack: contextlib.ExitStack, main: Path | None) -> Callable[[], float]:
    """Start a sleeping board; return a function that parks a request, wakes it and measures."""
    root = Path(tempfile.mkdtemp(dir=lab.folder))
    broker = Broker("nats", root / "broker")
    image = build(write(root, broker, source=_SOURCE), "box", root / "build", types=False)
    if main:
        (image.tree / "main.py").write_text(main.read_text())
        (image.tree / "boot.py").write_text("")
        (image.tree / "broker.json").write_text(f'["localhost", {broker.port}]')
    broker.start()
    stack.callback(broker.kill)
    run = stack.enter_context(running_images([image]))
    board = run.sim.board("box")
    board.inputs.pin(4, 1)
    responses: asyncio.Queue[float] = asyncio.Queue()
    mqtt = Client(
        broker.where,
        LOGIN,
        ["torpor/test/answers/+"],
        lambda topic, payload: responses.put_nowait(time.perf_counter()),
    )

    async def once() -> float:
        number = board.starts
        await _asleep(board)
        line = message.envelope(f"r{number}", f"torpor/test/answers/r{number}", 0, "items")
        head = message.head("GET", b"/items", [(b"host", b"x")], 0)
        await mqtt.publish("torpor/test/box/in", line + head)
        mark = board.trace.mark()
        board.inputs.pin(4, 0)
        await board.wait_trace("boot", since=mark)
        began = time.perf_counter()
        elapsed = await responses.get() - began
        board.inputs.pin(4, 1)
        return elapsed

    task = asyncio.run_coroutine_threadsafe(mqtt.run(), run.loop)
    stack.callback(task.cancel)
    return lambda: statistics.median(
        asyncio.run_coroutine_threadsafe(once(), run.loop).result(60) for _ in range(3)
    )


async def _asleep(board: SimBoard) -> None:
    while not board.trace or board.trace[-1]["event"] != "deepsleep":
        await asyncio.sleep(0.01)
