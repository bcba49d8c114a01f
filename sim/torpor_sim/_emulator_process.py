"""The process of one emulated board: ``python -m torpor_sim._emulator_process SETTINGS``.

SETTINGS is JSON: ``uf2``, ``filesystem`` (or null), ``bind``, ``forwards`` {guest port: host port},
``terminal`` (whether the serial line also gets a pseudo-terminal), ``i2c`` {bus: port where its
devices are modelled} and ``parent`` (a process id). It writes one JSON object per line to its
output and reads orders from its input, in the same form. It ends when its input or its parent ends.

Only this process imports the emulator: the emulator needs a whole processor, and a process that
hangs can be killed.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from rp2040py.boards import BoardSpec, resolve_board_spec
from rp2040py.cli.pty_repl import PtyInteractiveRepl
from rp2040py.device import MicroPythonDevice
from rp2040py.device.repl_runner import InteractiveRepl
from rp2040py.external.cyw43 import Cyw43439
from rp2040py.utils.firmware_retrieve import MICROPYTHON

from ._launch import die_with
from .forward import Radio
from .wire_i2c import WiredI2C

_LONGEST = 1 << 16  # bytes; a line without end is cut here
_ENUMERATE_S = 120.0


class _Emulator:
    def __init__(self, settings: dict[str, Any], out: TextIO) -> None:
        self._settings = settings
        self._out = out
        self._line = b""
        self._radio = Radio()
        filesystem = settings["filesystem"]
        self._device = MicroPythonDevice(
            board=self._board(settings["uf2"]),
            filesystem=Path(filesystem) if filesystem else None,
        )
        for bus, port in settings["i2c"].items():
            WiredI2C(self._device.mcu.i2c[int(bus)], ("127.0.0.1", port))
        self._reset_device = self._device.mcu.watchdog.on_watchdog_trigger
        self._device.mcu.watchdog.on_watchdog_trigger = self._on_reset
        self._repl: InteractiveRepl

    def _board(self, uf2: str) -> BoardSpec:
        spec = resolve_board_spec("pico_w", MICROPYTHON, uf2)
        others = [make for make in spec.extras if make is not Cyw43439]
        return dataclasses.replace(spec, extras=(*others, lambda: self._radio))

    async def run(self) -> None:
        """Boot, and serve orders until there are no more."""
        ports = {
            guest: await self._radio.listen(self._settings["bind"], int(guest), host)
            for guest, host in self._settings["forwards"].items()
        }
        terminal = await self._open_repl()
        await self._device.astart(_ENUMERATE_S)
        self._send("started", ports=ports, terminal=terminal)
        engine = asyncio.ensure_future(self._engine())
        orders = asyncio.ensure_future(self._orders())
        done, _ = await asyncio.wait({engine, orders}, return_when=asyncio.FIRST_COMPLETED)
        self._device.stop()
        for task in done:
            task.result()

    async def _open_repl(self) -> str | None:
        if not self._settings["terminal"]:
            self._repl = InteractiveRepl(self._device.cdc, self._receive)
            await self._repl.start()
            return None
        repl = PtyInteractiveRepl(
            self._device.cdc, self._device.simulator, lambda code: None, on_data=self._receive
        )
        self._repl = repl
        await repl.start()
        return repl.slave_path

    async def _engine(self) -> None:
        """Wait until the emulator ends, which only a failure causes."""
        await self._device.simulator.wait_for(asyncio.Event(), None)

    async def _orders(self) -> None:
        reader = asyncio.StreamReader(limit=1 << 20)
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            order = json.loads(line)
            if order["order"] == "reset":
                self._radio.power_off()
                self._send("reset")
                await self._device.ahard_reset(_ENUMERATE_S)
            elif order["order"] == "type":
                await self._type(order["text"].encode())

    async def _type(self, data: bytes) -> None:
        sent = self._repl.send(data)
        while not sent:
            await asyncio.sleep(0.01)
            sent = self._repl.pump()

    def _on_reset(self) -> None:
        self._radio.power_off()
        self._send("reset")
        self._reset_device()

    def _receive(self, data: bytes | bytearray) -> None:
        self._line += bytes(data)
        *whole, self._line = self._line.split(b"\n")
        if len(self._line) > _LONGEST:
            whole.append(self._line)
            self._line = b""
        for line in whole:
            self._send("line", text=line.decode(errors="replace").rstrip("\r"))

    def _send(self, event: str, **more: Any) -> None:
        ms = round(self._device.simulator.clock.nanos / 1e6, 3)
        self._out.write(json.dumps({"event": event, "ms": ms, **more}) + "\n")
        self._out.flush()


def main() -> None:
    settings = json.loads(sys.argv[1])
    die_with(settings["parent"])
    # The output of libraries must not mix with the events.
    out = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    asyncio.run(_Emulator(settings, out).run())


if __name__ == "__main__":
    main()
