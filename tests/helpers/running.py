"""A cluster that runs in the simulator in its own thread, for tests that are not async."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from torpor_sim import Simulator
from torpor_tools.model.image import Image
from torpor_tools.testing import simulator


class Running:
    """The simulator, with clients for its services."""

    def __init__(self, sim: Simulator, loop: asyncio.AbstractEventLoop) -> None:
        self.sim = sim
        self.loop = loop
        self.urls = {placed.name: url for _, placed, url in sim.services()}

    def address(self, service: str) -> tuple[str, int]:
        url = urlsplit(self.urls[service])
        assert url.hostname
        assert url.port
        return url.hostname, url.port

    def client(self, service: str) -> httpx.Client:
        return httpx.Client(base_url=self.urls[service], timeout=15, trust_env=False)

    def connect(self, service: str) -> socket.socket:
        return socket.create_connection(self.address(service), timeout=15)

    def exchange(self, service: str, data: bytes) -> bytes:
        """Send bytes and read until the board closes the connection."""
        with self.connect(service) as sock:
            sock.sendall(data)
            return read_all(sock)

    def kill(self, board: str) -> None:
        """Cut the board's power, restore it, and wait until the board is ready."""

        async def work() -> None:
            killed = self.sim.board(board)
            start = killed.starts + 1
            killed.kill()
            await killed.ready(start=start)

        asyncio.run_coroutine_threadsafe(work(), self.loop).result(60)

    def wait_ready(self, board: str, start: int) -> None:
        """Wait until the board is ready in that start or a later one; earlier ones may crash."""
        sim = self.sim.board(board)

        async def work() -> None:
            while not (sim.is_ready and sim.starts >= start):
                await asyncio.sleep(0.02)

        asyncio.run_coroutine_threadsafe(work(), self.loop).result(60)

    def wait_log(self, board: str, text: str, *, since: int = 0, timeout: float = 30) -> None:
        """Wait until the board's log has ``text``; log lines arrive later than responses."""
        waiting = self.sim.board(board).wait_log(text, timeout, since=since)
        asyncio.run_coroutine_threadsafe(waiting, self.loop).result(timeout + 5)

    def log_text(self, board: str) -> str:
        return "\n".join(str(line) for line in self.sim.board(board).log)


def read_all(sock: socket.socket) -> bytes:
    """Read until the other side closes or resets the connection."""
    data = b""
    try:
        while part := sock.recv(65536):
            data += part
    except ConnectionResetError:
        pass
    return data


@contextmanager
def running(root: Path, **options: Any) -> Iterator[Running]:
    """Build and run the cluster in ``root`` on ports from the OS."""
    with _running(lambda: simulator(root, **options)) as run:
        yield run


@contextmanager
def running_images(
    images: Sequence[Image], speed: float = 1.0, storage: Path | None = None
) -> Iterator[Running]:
    """Run images on ports from the OS."""
    with _running(lambda: Simulator(images, ports="os", speed=speed, storage=storage)) as run:
        yield run


@contextmanager
def _running(make: Callable[[], Simulator]) -> Iterator[Running]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def enter() -> Simulator:
        sim = make()
        await sim.__aenter__()
        return sim

    async def leave(sim: Simulator) -> None:
        await sim.__aexit__(None, None, None)

    try:
        sim = asyncio.run_coroutine_threadsafe(enter(), loop).result(120)
        try:
            yield Running(sim, loop)
        finally:
            asyncio.run_coroutine_threadsafe(leave(sim), loop).result(60)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def write_cluster(
    root: Path,
    services: dict[str, str],
    board: str = "RPI_PICO_W",
    *,
    on_request: Sequence[str] = (),
) -> Path:
    """Write a cluster of one board: service name -> source of its ``__init__.py``.

    ``on_request``: the services that start on request.
    """
    lines = ["[cluster]", 'name = "test"', "", "[boards.box]", f'type = "{board}"']
    lines.append(f"services = {list(services)}".replace("'", '"'))
    for port, (name, source) in enumerate(services.items(), 8001):
        lines += ["", f"[services.{name}]", f"port = {port}"]
        lines += ['start = "on-request"'] if name in on_request else []
        folder = root / "services" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(source)
    (root / "cluster.toml").write_text("\n".join(lines) + "\n")
    return root


def offer(root: Path, service: str, *events: str) -> None:
    """Make a service offer events to other programs."""
    toml = root / "cluster.toml"
    listed = ", ".join(f'"{event}"' for event in events)
    table = f"[services.{service}]\n"
    toml.write_text(toml.read_text().replace(table, f"{table}events = [{listed}]\n"))
