"""A chip of the ESP32 family in its boot loader, whose flash the tests can read."""

from __future__ import annotations

import os
import pty
import socket
import threading

from esp32_mock_bootloader.server import (
    BootloaderConnection,
    FlashImage,
    PtyMasterTransport,
    handle_client,
)
from serial.tools.list_ports_common import ListPortInfo

from tests.helpers.in_thread import InThread


class _Cable(BootloaderConnection):  # type: ignore[misc]
    """A cable that is pulled when the board has received ``limit`` bytes."""

    def __init__(self, sock: socket.socket, limit: int | None) -> None:
        super().__init__(sock=sock, track_disconnect=False)
        self.pulled = False
        self._left = limit

    def recv(self, size: int) -> bytes:
        data: bytes = super().recv(size)
        if self._left is not None:
            self._left -= len(data)
            if self._left < 0:
                self.pulled = True
                raise OSError("the cable was pulled")
        return data


class Chip(InThread):
    """A chip for esptool at ``url``; ``kind`` is esptool's name for it, such as esp32s3.

    ``pull_at``: the cable is pulled after this many bytes, and stays out until ``plug_in``.
    """

    def __init__(self, kind: str, pull_at: int | None = None) -> None:
        super().__init__()
        self.flash = FlashImage()
        self._kind = kind
        self._pull_at = pull_at
        self.pulled = False
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._server.getsockname()[1]}"

    def plug_in(self) -> None:
        """Plug in a cable that stays."""
        self.pulled = False
        self._pull_at = None

    def __exit__(self, *raised: object) -> None:
        super().__exit__(*raised)
        self._server.close()

    def _interrupt(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                sock, _ = self._server.accept()
            except OSError:
                return
            if not self.pulled:
                cable = _Cable(sock, self._pull_at)
                handle_client(cable, self._stop, self._kind, flash=self.flash)
                self.pulled = cable.pulled
            sock.close()


class NativeUsb(InThread):
    """A chip with built-in USB, whose port gets a new name at each reset.

    It runs MicroPython until the first bytes arrive. They stand for the reset into the boot loader,
    because a pseudo-terminal has no DTR and RTS. When esptool has closed the port, the chip is
    reset again, which changes nothing if the hardware is the same USB device for both. ``comports``
    returns the ports that the system lists. ``returns``: whether the port exists after the first
    reset.
    """

    MICROPYTHON = 0x4001
    BOOT_LOADER = 0x1001

    def __init__(self, kind: str, *, returns: bool = True, micropython: int = MICROPYTHON) -> None:
        super().__init__()
        self.flash = FlashImage()
        self.seen: list[tuple[int, str]] = []  # the product id and port of each USB device so far
        self._kind = kind
        self._returns = returns
        self._micropython = micropython
        self._missed = threading.Semaphore(0)  # searches for the port while it was absent
        self._port: ListPortInfo | None = None
        self._open()
        self._show(micropython)

    def __exit__(self, *raised: object) -> None:
        super().__exit__(*raised)
        if self._pty.ignore_eof_for_disconnect():  # no byte has arrived
            self._pty.close()

    @property
    def device(self) -> str:
        assert self._port
        return str(self._port.device)

    def comports(self) -> list[ListPortInfo]:
        other = ListPortInfo("/dev/ttyOTHER", skip_link_detection=True)
        other.vid, other.pid, other.location = 0x303A, 0x1001, "1-9:1.0"
        if self._port is None:
            self._missed.release()
            return [other]
        return [other, self._port]

    def _open(self) -> None:
        """Open another pseudo-terminal. Its other side is closed as soon as bytes arrive."""
        self._master, slave = pty.openpty()
        self._name = os.ttyname(slave)
        self._pty = PtyMasterTransport(self._master, slave, track_disconnect=True)

    def _show(self, product: int) -> None:
        port = ListPortInfo(self._name, skip_link_detection=True)
        port.vid, port.pid, port.location = 0x303A, product, "1-1.2:1.0"
        self.seen.append((product, self._name))
        self._port = port

    def _reset(self, product: int) -> None:
        self._port = None
        old = self._master
        self._open()  # while the old name is in use, so that the new one differs
        os.close(old)
        for _ in range(2):
            while not self._missed.acquire(timeout=0.1):
                if self._stop.is_set():
                    return
        self._show(product)

    def _run(self) -> None:
        self._pty.set_timeout(0.1)
        while not self._stop.is_set():
            try:
                if self._pty.recv(1):
                    break
            except TimeoutError:
                pass
        if not self._returns:
            self._port = None
            os.close(self._master)
            return
        self._reset(self.BOOT_LOADER)
        if not self._stop.is_set():
            connection = BootloaderConnection(pty=self._pty)
            handle_client(
                connection, self._stop, self._kind, flash=self.flash, exit_on_disconnect=True
            )
            if self._micropython != self.BOOT_LOADER:
                self._reset(self._micropython)
