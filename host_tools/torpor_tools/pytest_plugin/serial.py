"""A board at a serial port, whose files are written and programs started over the raw REPL.

The tests are in ``/.test``; everything else on the board stays as it is. mpremote talks to the
REPL. As soon as ``serve.run`` has started, the port carries only orders and answers.
"""

from __future__ import annotations

import json
import select
import time
import zlib
from collections.abc import Iterable
from typing import Any

from ..errors import fail
from .image import TestImage, shims

ROOT = ".test"
_MANIFEST = f"/{ROOT}/manifest.json"
_ENTER_S = 10.0
_PAUSE_S = 0.02
_END = b"\x04"  # what the raw REPL sends when a program has ended


class SerialBoard:
    """A ``Transport`` to a board that shows a REPL.

    Args:
        device: The serial port, for example ``/dev/ttyACM0``.
    """

    slowness = 6.0

    def __init__(self, device: str) -> None:
        self._device = device
        self._repl: Any = None
        self._ended = b""

    def start(self, image: TestImage) -> None:
        if self._repl is None:
            self._open()
        self._enter()
        if self._install(board_files([image])):
            self._enter()  # the tests get a heap without what installing has left in it
        self._ended = b""
        self._repl.exec_raw_no_follow(program(image))

    def write(self, data: bytes) -> None:
        self._repl.serial.write(data)

    def read(self, timeout: float) -> bytes | None:
        if self._ended:
            return b""
        ready, _, _ = select.select([self._repl.serial.fileno()], [], [], max(0.0, timeout))
        if not ready:
            return None
        data = bytes(self._repl.serial.read(self._repl.serial.in_waiting or 1))
        data, end, error = data.partition(_END)
        if end:
            self._ended = error or b"?"
        return data or None

    def interrupt(self) -> None:
        self._repl.serial.write(b"\x03")

    def ending(self) -> str:
        text = self._ended
        while _END not in text:
            more = self._repl.serial.read(1)
            if not more:
                break
            text += more
        lines = text.strip(_END + b"?>").decode(errors="replace").strip().splitlines()
        return f"the program on the board ended: {lines[-1] if lines else 'without an error'}"

    def leave(self) -> None:
        self.stop()

    def stop(self) -> None:
        """Return to the REPL: interrupt the test that runs, and ask ``serve.run`` to end."""
        if self._repl and not self._ended:
            self._repl.serial.write(b"\x03")
            time.sleep(_PAUSE_S * self.slowness)  # else the interrupt would discard the order
            self._repl.serial.write(b'\n{"end": true}\n')
            self._ended = b"?"

    def close(self) -> None:
        if self._repl:
            self._repl.serial.write(b"\r\x03\x02")  # to the friendly REPL
            self._repl.close()
            self._repl = None

    def _open(self) -> None:
        from mpremote.transport import TransportError
        from mpremote.transport_serial import SerialTransport

        try:
            self._repl = SerialTransport(self._device, timeout=_ENTER_S * self.slowness / 6)
        except (TransportError, OSError) as error:
            raise fail(
                f"no board answers at {self._device}: {error}",
                "plug it in, and close other programs that use the port",
            ) from None

    def _enter(self) -> None:
        """Start a fresh interpreter that waits for a program.

        Raises:
            UserError: The board shows no REPL.
        """
        from mpremote.transport import TransportError

        limit = _ENTER_S * self.slowness / 6
        try:
            self._repl.enter_raw_repl(timeout_overall=limit)
        except TransportError:
            self._power_cycle()
            try:
                self._repl.enter_raw_repl(timeout_overall=limit)
            except TransportError as error:
                raise fail(
                    f"{self._device}: the board shows no REPL: {error}",
                    "a production image has none; flash the official firmware for tests",
                ) from None

    def _power_cycle(self) -> None:
        """Restart a board that does not answer. Only the emulated board can do that."""

    def _install(self, files: dict[str, bytes]) -> bool:
        """Write the files that the board does not have yet. Returns whether there were any."""
        sums = {name: zlib.crc32(data) for name, data in files.items()}
        known = self._manifest()
        changed = [name for name in files if known.get(name) != sums[name]]
        if not changed:
            return False
        for folder in folders([*changed, _MANIFEST[1:]]):
            self._repl.exec(f"import os\ntry:\n os.mkdir('/{folder}')\nexcept OSError:\n pass")
        for name in changed:
            self._repl.fs_writefile(f"/{name}", files[name])
        self._repl.fs_writefile(_MANIFEST, json.dumps({**known, **sums}).encode())
        return True

    def _manifest(self) -> dict[str, int]:
        from mpremote.transport import TransportError

        try:
            sums = json.loads(self._repl.fs_readfile(_MANIFEST))
        except (TransportError, OSError, ValueError):
            return {}
        return sums if isinstance(sums, dict) else {}


def board_files(images: Iterable[TestImage]) -> dict[str, bytes]:
    """Return all files of the images for one board: path below ``/`` -> content."""
    files: dict[str, bytes] = {}
    for image in images:
        files.update(image.files)
        files.update(shims(image, f"/{ROOT}"))
    return {f"{ROOT}/{name}": data for name, data in files.items()}


def folders(files: Iterable[str]) -> list[str]:
    """Return the folders that the files need, outer ones first."""
    found: dict[str, None] = {}
    for name in sorted(files):
        parts = name.split("/")[:-1]
        found.update({"/".join(parts[: i + 1]): None for i in range(len(parts))})
    return list(found)


def program(image: TestImage) -> str:
    """Return the program that serves the tests of an image on the board."""
    return (
        f"import sys\nsys.path[0:0] = ['/{ROOT}/.sim', '/{ROOT}']\n"
        f"from torpor_test import serve\nserve.run({image.service!r}, '/{ROOT}')\n"
    )
