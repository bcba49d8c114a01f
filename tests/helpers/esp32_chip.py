"""A chip of the ESP32 family in its boot loader, whose flash the tests can look into."""

from __future__ import annotations

import socket

from esp32_mock_bootloader.server import BootloaderConnection, FlashImage, handle_client

from tests.helpers.in_thread import InThread


class _Cable(BootloaderConnection):  # type: ignore[misc]
    """Is pulled when the board has got ``limit`` bytes."""

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
    """Serves esptool at ``url``; ``kind`` as esptool names it: esp32, esp32s3.

    ``pull_at``: the cable is pulled after so many bytes, and stays out until ``plug_in``.
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
        """Put a cable in that stays."""
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
