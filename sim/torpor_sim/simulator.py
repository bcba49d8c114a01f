"""The simulator: all boards of a cluster at once."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Self, TextIO

from torpor_tools.errors import UserError
from torpor_tools.model.image import Image
from torpor_tools.model.plan import PlacedService

from . import faults
from .board import SimBoard
from .clock import Clock
from .flash import BoardFolder, lock
from .lines import LogLine, LogListener
from .links import Links
from .ports import Mode, Place, Ports

if TYPE_CHECKING:
    import httpx


class Simulator:
    """Runs built images, one MicroPython process for each board.

    ``async with Simulator(images, ports="os") as sim`` switches the boards on, waits until they are
    ready, and switches them off at the end. Inside, for example,
    ``await sim.http("readings").get("/readings")`` or ``sim.board("shed").inputs.pin(4, 1)``.

    Args:
        images: The images that ``torpor_tools.link.build`` has made, one for each board.
        bind: One address for all boards. By default the first has 127.0.1.1, the next 127.0.1.2.
        port_base: The first of the ports that the services are numbered from.
        ports: "fixed" gives each service the port in cluster.toml, "os" any free port.
        fresh: Whether the boards begin with an empty flash.
        storage: The folder for the boards' files. By default a temporary one.
        direct: Whether the boards connect to each other without a detour through this process;
            ``partition`` and the other faults then have no effect.
        record: Whether calls between services are counted.
        speed: How many times as fast the boards' clock runs. Computing does not become faster.
        lookup_ms: How long a failing look-up of a name blocks a board, in ms. By default as long
            as on its chip, 5 to 7 s.
        log: Called with every ``LogLine``, in the event loop's thread.
    """

    def __init__(
        self,
        images: Sequence[Image],
        *,
        bind: str | None = None,
        port_base: int | None = None,
        ports: Mode = "fixed",
        fresh: bool = True,
        storage: Path | None = None,
        direct: bool = False,
        record: bool = False,
        speed: float = 1.0,
        lookup_ms: int | None = None,
        log: LogListener | None = None,
    ) -> None:
        self._images = tuple(images)
        self._ports = Ports(bind=bind, base=port_base, mode=ports)
        self._fresh = fresh
        self._record = record
        self._storage = storage.resolve() if storage else None
        self._temporary: Path | None = None
        self._lock: TextIO | None = None
        self._log = log or _silent
        self._clock = Clock(speed)
        self._lookup_ms = lookup_ms
        self._boards: dict[str, SimBoard] = {}
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._links = Links(direct=direct)
        self._faults: asyncio.Task[None] | None = None  # handles the requests of other processes

    async def __aenter__(self) -> Self:
        try:
            self.start()
            await self.ready()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.stop()

    def start(self) -> None:
        """Switch all boards on. Always call ``stop`` afterwards, even after an error.

        Raises:
            UserError: A port or the storage folder is not available.
        """
        places = self._ports.place(image.board for image in self._images)
        self._lock = lock(self._folder())
        for image in self._images:
            self._add(image, places)
        self._introduce()
        if self._temporary is None:
            faults.forget(self._folder())
            self._faults = asyncio.create_task(faults.follow(self._folder(), self, self._complain))

    async def ready(self, timeout: float = 30.0) -> None:
        """Wait until all boards are ready.

        Args:
            timeout: Seconds to wait at most.

        Raises:
            TimeoutError: A board is not ready in time.
            UserError: A board crashed. Errors of several boards are raised together.
        """
        await _all(board.ready(timeout) for board in self.boards)

    async def stop(self) -> None:
        """Switch all boards off, wait for their processes, and release ports and files."""
        if self._faults:
            self._faults.cancel()
            self._faults = None
        async with AsyncExitStack() as stack:
            stack.callback(self._clean_up)
            for client in self._clients.values():
                stack.push_async_callback(client.aclose)
            stack.push_async_callback(self._switch_off, tuple(self._boards))
        self._clients.clear()

    async def update(self, images: Sequence[Image], timeout: float = 30.0) -> None:
        """Continue with other images: changed boards restart, new ones start, missing ones stop.

        Args:
            images: The images of all boards from now on.
            timeout: Seconds to wait for each board to be ready.

        Raises:
            UserError: A port is not available, or a board crashes before it is ready.
        """
        places = self._ports.place(image.board for image in images)
        names = {image.board.name for image in images}
        await self._switch_off([name for name in self._boards if name not in names])
        changes: list[Awaitable[None]] = []
        for image in images:
            board = self._boards.get(image.board.name)
            if board is None:
                changes.append(self._add(image, places).ready(timeout))
            elif board.is_failing or not board.runs(image, places[board.name]):
                changes.append(board.replace(image, places[board.name], timeout))
        self._introduce()
        try:
            await _all(changes)
        finally:
            await self._forget_moved()

    def kill(self, board: str) -> None:
        """Cut a board's power. Its connections are not closed.

        Raises:
            KeyError: There is no such board.
        """
        self._boards[board].cut()
        self._links.power_off(board)

    async def revive(self, board: str, timeout: float = 30.0) -> None:
        """Switch on a board that was killed, and wait until it is ready.

        Args:
            board: Its name.
            timeout: Seconds to wait at most.

        Raises:
            KeyError: There is no such board.
            TimeoutError: It is not ready in time.
        """
        self._links.power_on(board)
        await self._boards[board].reset(timeout)

    def partition(self, a: str, b: str) -> None:
        """Lose all packets between two boards.

        Raises:
            KeyError: There is no such board.
        """
        self._links.between(a, b).cut()

    def heal(self, a: str, b: str) -> None:
        """End a partition, added latency and loss between two boards.

        Raises:
            KeyError: There is no such board.
        """
        self._links.between(a, b).heal()

    def delay(self, a: str, b: str, ms: float) -> None:
        """Delay all packets between two boards.

        Args:
            a: One of the boards.
            b: The other.
            ms: Added latency in ms, in each direction.

        Raises:
            KeyError: There is no such board.
        """
        self._links.between(a, b).latency_s = ms / 1000

    def lose(self, a: str, b: str, share: float) -> None:
        """Lose some of the packets between two boards. TCP sends them again later.

        Args:
            a: One of the boards.
            b: The other.
            share: The part that is lost, 0 to 1.

        Raises:
            KeyError: There is no such board.
        """
        self._links.between(a, b).loss = share

    @property
    def boards(self) -> tuple[SimBoard, ...]:
        """All boards, in the order of the images."""
        return tuple(self._boards.values())

    def board(self, name: str) -> SimBoard:
        """Return the board with that name.

        Raises:
            KeyError: There is no such board.
        """
        return self._boards[name]

    def url(self, service: str) -> str:
        """Return the base URL of a service.

        Raises:
            KeyError: No board serves it over HTTP.
        """
        return {placed.name: url for _, placed, url in self.services()}[service]

    def services(self) -> list[tuple[SimBoard, PlacedService, str]]:
        """Return (board, service, base URL) for each service that has a port."""
        return [
            (board, placed, board.place.url(placed.port))
            for board in self.boards
            for placed in board.image.board.services
            if placed.port
        ]

    def http(self, service: str) -> httpx.AsyncClient:
        """Return a client of a service. The simulator closes it.

        Raises:
            KeyError: No board serves it over HTTP.
        """
        client = self._clients.get(service)
        if client is None:
            import httpx  # here, because loading it takes a tenth of a second

            # A board has few connections, and closes an idle one when it needs the slot.

            limits = httpx.Limits(max_keepalive_connections=0)
            client = httpx.AsyncClient(
                base_url=self.url(service), limits=limits, timeout=10.0, trust_env=False
            )
            self._clients[service] = client
        return client

    def _add(self, image: Image, places: dict[str, Place]) -> SimBoard:
        name = image.board.name
        folder = BoardFolder(self._folder() / name)
        board = SimBoard(
            image,
            places[name],
            folder,
            self._clock,
            self._log,
            self._record,
            self._lookup_ms,
            self._introduce,
        )
        board.start(fresh=self._fresh)
        self._boards[name] = board
        return board

    def _complain(self, text: str) -> None:
        self._log(LogLine("sim", "ERROR", "sim", text))

    def _introduce(self) -> None:
        """Give all boards the addresses of the others."""
        for name, peers in self._links.connect(self.boards).items():
            self._boards[name].set_peers(peers)

    def _folder(self) -> Path:
        if self._storage is None:
            self._storage = self._temporary = Path(tempfile.mkdtemp(prefix="torpor-sim-"))
        return self._storage

    async def _switch_off(self, names: Iterable[str]) -> None:
        await _all([self._boards.pop(name).stop() for name in names])

    async def _forget_moved(self) -> None:
        """Close the clients of services whose URL has changed."""
        urls = {placed.name: url for _, placed, url in self.services()}
        moved = [n for n, c in self._clients.items() if urls.get(n) != str(c.base_url).rstrip("/")]
        await _all([self._clients.pop(name).aclose() for name in moved])

    def _clean_up(self) -> None:
        self._links.close()
        self._ports.close()
        if self._lock:
            self._lock.close()
        if self._temporary:
            shutil.rmtree(self._temporary, ignore_errors=True)


def _silent(line: LogLine, /) -> None:
    pass


async def _all(awaitables: Iterable[Awaitable[None]]) -> None:
    """Wait for all of them, then raise their errors, all ``UserError`` as one."""
    results = await asyncio.gather(*awaitables, return_exceptions=True)
    errors = [result for result in results if isinstance(result, BaseException)]
    for error in errors:
        if not isinstance(error, UserError):
            raise error
    problems = [p for error in errors if isinstance(error, UserError) for p in error.problems]
    if problems:
        raise UserError(problems)
