"""Real MQTT brokers in their own processes, which can be killed and started again."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.ending import ending_with_us
from torpor_tools.gateway.nats import config
from torpor_tools.model.cluster import Mailbox
from torpor_tools.project.mailbox import from_url

NATS = Path(sys.executable).with_name("nats-server")
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
NO_MOSQUITTO = "NO mosquitto FOUND: the mailbox is not tested with it (install mosquitto)"
KINDS = [
    "nats",
    pytest.param("mosquitto", marks=pytest.mark.skipif(not MOSQUITTO, reason=NO_MOSQUITTO)),
]
"""The brokers with which tests run, as parameters."""
LOGIN = {"user": "fridge", "password": "cold and dark"}


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def reserved_port() -> tuple[int, socket.socket]:
    """Return a port of 127.0.0.1, and a socket that keeps other programs from using it.

    A server that sets SO_REUSEADDR can listen at the port nevertheless, repeatedly.
    """
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    return int(sock.getsockname()[1]), sock


class Broker:
    """A broker. ``kind``: nats or mosquitto. ``tls``: a folder with ``ca``, ``cert`` and ``key``.

    ``ack_wait``: the time after which nats-server delivers an unacknowledged message again.
    ``keeps``: whether Mosquitto saves its messages in a file.
    """

    def __init__(
        self,
        kind: str,
        folder: Path,
        tls: Path | None = None,
        ack_wait: str = "2s",
        keeps: bool = True,
    ) -> None:
        self.port = free_port()
        self._tls = tls
        self.folder = folder
        self._keeps = keeps
        self._writes_late = kind == "mosquitto"
        self._process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if kind == "nats":
            (folder / "conf").write_text(config(self.where, LOGIN, folder, ack_wait))
            self._command = [str(NATS), "-c", str(folder / "conf")]
        else:
            assert MOSQUITTO
            self._mosquitto()
            self._command = [MOSQUITTO, "-c", str(folder / "conf")]

    @property
    def where(self) -> Mailbox:
        return from_url(f"mqtt{'s' if self._tls else ''}://localhost:{self.port}")

    def _mosquitto(self) -> None:
        folder = self.folder
        subprocess.run(
            ["mosquitto_passwd", "-c", "-b", folder / "passwords", *LOGIN.values()],
            check=True,
            capture_output=True,
        )
        lines = [
            "user root",  # effective only if root runs it; otherwise it could not read its files
            f"listener {self.port} 127.0.0.1",
            "allow_anonymous false",
            f"password_file {folder}/passwords",
            f"persistence {str(self._keeps).lower()}",
            f"persistence_location {folder}/",
            "autosave_on_changes true",
            "autosave_interval 1",
        ]
        if self._tls:
            names = {"cafile": "ca.pem", "certfile": "cert.pem", "keyfile": "key.pem"}
            lines += [f"{key} {self._tls / name}" for key, name in names.items()]
        (folder / "conf").write_text("\n".join(lines) + "\n")
        for path in (folder, folder / "passwords"):
            path.chmod(0o755 if path.is_dir() else 0o644)

    def start(self) -> None:
        """Start the broker and wait until it accepts connections."""
        with (self.folder / "log").open("ab") as log:
            command = [*ending_with_us(), *self._command]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        for _ in range(1500):
            assert self._process.poll() is None, (self.folder / "log").read_text()
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the broker does not accept connections")

    def kill(self) -> None:
        """Kill nats-server with SIGKILL, and Mosquitto with SIGTERM.

        Mosquitto acknowledges messages before it writes them, so SIGKILL would lose them.
        """
        if self._process:
            self._process.send_signal(signal.SIGTERM if self._writes_late else signal.SIGKILL)
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """Stop the broker."""
        self.kill()
