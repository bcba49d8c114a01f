"""The official Pico W firmware in an RP2040 emulator, with our filesystem and reachable ports.

It runs what a real Pico W would run, 30 to 50 times slower, sleeping or not: half a minute until
the radio is up, half a second for a small request on a keep-alive connection. The board's own
clock (``time.ticks_ms``, the times in its log, ``EmulatedBoard.device_ms``) counts as on the chip.
So measure by the board's clock, and wait for events with generous limits of wall time.

The emulated access point takes any name and password; scans show ``ACCESS_POINT``. The board gets
10.0.0.2 by DHCP and reaches the network of this computer. Nothing is wired to its pins, except what
``i2c`` connects.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torpor_tools.errors import fail
from torpor_tools.extras import need

from .emulator_lock import EmulatorLock
from .lines import LogLine, Reader
from .output_feed import Feed

BOARD_TYPE = "RPI_PICO_W"  # the only one that can be emulated
ACCESS_POINT = "RP2040PY-GUEST"

_STOP_S = 5.0
_MODULE = "torpor_sim._emulator_process"
_LONGEST = 1 << 20  # bytes of one event


class EmulatedBoard:
    """A Pico W that is switched on during an ``async with`` block.

    ``uf2`` is the file to flash: the official firmware, alone or followed by a filesystem.
    ``filesystem`` is a LittleFS2 image to add to it. ``forwards`` maps ports of the board to ports
    of this computer; 0 chooses a free one. With ``terminal`` the serial line is also a
    pseudo-terminal, for mpremote and similar tools. ``log`` receives every line. A computer
    emulates one board at a time: ``waiting`` is called if this one must wait for another. ``i2c``
    maps the numbers of I2C buses to the TCP ports at which other processes model the devices there
    (the protocol is in ``wire_i2c.py``).
    """

    def __init__(
        self,
        *,
        uf2: Path,
        filesystem: Path | None = None,
        forwards: Mapping[int, int] | None = None,
        bind: str = "127.0.0.1",
        terminal: bool = False,
        name: str = "emulated",
        log: Callable[[LogLine], None] | None = None,
        waiting: Callable[[], None] | None = None,
        i2c: Mapping[int, int] | None = None,
    ) -> None:
        self.name = name
        self._lock = EmulatorLock()
        self._waiting = waiting
        self.log: Feed[LogLine] = Feed()
        self.starts = 0
        self.device_ms = 0.0  # the board's clock at its newest output, from switching it on
        self.terminal: str | None = None  # path of the pseudo-terminal
        self._settings = {
            "uf2": str(uf2),
            "filesystem": str(filesystem) if filesystem else None,
            "bind": bind,
            "forwards": {str(guest): host for guest, host in (forwards or {}).items()},
            "terminal": terminal,
            "i2c": {str(bus): port for bus, port in (i2c or {}).items()},
        }
        self._bind = bind
        self._on_log = log
        self._reader = Reader(name)
        self._ports: dict[int, int] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._started: asyncio.Future[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._errors: deque[str] = deque(maxlen=50)

    async def __aenter__(self) -> EmulatedBoard:
        await self.start()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self.stop()

    @property
    def pid(self) -> int | None:
        """The emulator's process."""
        return self._process.pid if self._process else None

    async def start(self, timeout: float = 120.0) -> None:
        """Switch it on; returns when its USB is up, long before its Wi-Fi is.

        Raises ``UserError`` if the emulator is not installed or a port is taken,
        ``TimeoutError`` after ``timeout`` seconds, in which waiting for others does not count.
        """
        need("emulator")
        await self._lock.acquire(self._waiting)
        try:
            await self._start(timeout)
        except BaseException:
            await self.stop()
            raise

    async def _start(self, timeout: float) -> None:
        self._started = asyncio.get_running_loop().create_future()
        self._process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-P",
                "-m",
                _MODULE,
                json.dumps({**self._settings, "parent": os.getpid()}),
            ),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=_environment(),
            limit=_LONGEST,
            start_new_session=True,
        )
        self._tasks = [
            asyncio.create_task(self._read_events(self._process)),
            asyncio.create_task(self._read_errors(self._process)),
        ]
        async with asyncio.timeout(timeout):
            await self._started

    async def stop(self) -> None:
        """Switch it off and wait for the end of its process."""
        process = self._process
        if process is not None:
            await self._end(process)
            self._process = None
        self._lock.release()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin
        process.stdin.close()
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        await asyncio.gather(*self._tasks)

    def address(self, port: int) -> tuple[str, int]:
        """Return the host and port of this computer that lead to ``port`` of the board."""
        return self._bind, self._ports[port]

    def url(self, port: int) -> str:
        """Return the same as the beginning of a URL, without a slash at its end."""
        host, number = self.address(port)
        return f"http://{host}:{number}"

    async def wait_line(self, text: str, timeout: float = 300.0, *, since: int = 0) -> LogLine:
        """Return the first line with ``text``, from the mark ``since`` (``log.mark()``) on.

        Raises ``TimeoutError`` after ``timeout`` seconds of wall time, ``RuntimeError`` if the
        emulator ends first.
        """
        wanted = asyncio.create_task(
            self.log.wait(
                lambda line: text in str(line), what=repr(text), timeout=timeout, since=since
            )
        )
        await asyncio.wait({wanted, self._tasks[0]}, return_when=asyncio.FIRST_COMPLETED)
        if not wanted.done():
            wanted.cancel()
            raise RuntimeError(self._why())
        return wanted.result()

    def type(self, text: str) -> None:
        """Send ``text`` over the serial line, as a terminal does; Ctrl-C (byte 3) interrupts."""
        self._order("type", text=text)

    def reset(self) -> None:
        """Press the reset button; does not wait. The flash does not change."""
        self._order("reset")

    def _order(self, order: str, **more: Any) -> None:
        assert self._process
        assert self._process.stdin
        self._process.stdin.write(json.dumps({"order": order, **more}).encode() + b"\n")

    async def _read_events(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout
        assert self._started
        async for line in process.stdout:
            self._receive(json.loads(line))
        await process.wait()
        if not self._started.done():
            await self._tasks[1]
            self._started.set_exception(fail(f"the emulated board did not start: {self._why()}"))

    async def _read_errors(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr
        async for line in process.stderr:
            self._errors.append(line.decode(errors="replace").rstrip())

    def _receive(self, event: dict[str, Any]) -> None:
        self.device_ms = event["ms"]
        match event["event"]:
            case "line":
                self._handle_line(event["text"])
            case "reset":
                self.starts += 1
            case "started":
                self.starts = max(self.starts, 1)
                self.terminal = event["terminal"]
                self._ports = {int(guest): host for guest, host in event["ports"].items()}
                if self._started and not self._started.done():
                    self._started.set_result(None)

    def _handle_line(self, text: str) -> None:
        for item in self._reader.feed(text.encode() + b"\n"):
            if isinstance(item, LogLine):
                self.log.append(item)
                if self._on_log:
                    self._on_log(item)

    def _why(self) -> str:
        return "the emulator ended" + "".join(f"\n  {line}" for line in self._errors)


def _environment() -> dict[str, str]:
    """Our environment, with this package's folder and that of ``torpor_tools`` in PYTHONPATH."""
    ours = [str(Path(__file__).resolve().parents[1])]
    tools = importlib.util.find_spec("torpor_tools")
    if tools and tools.submodule_search_locations:
        ours.append(str(Path(tools.submodule_search_locations[0]).resolve().parent))
    before = os.environ.get("PYTHONPATH")
    return {**os.environ, "PYTHONPATH": os.pathsep.join([*ours, *([before] if before else [])])}
