"""Three nats-servers that replicate their messages, as docs/gateway.md describes them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import quote

from tests.helpers.brokers import LOGIN, NATS, reserved_port
from tests.helpers.ending import ending_with_us
from torpor_tools.project.mailbox import from_url

DOC = Path(__file__).parents[2] / "docs" / "gateway.md"


def documented() -> str:
    """Return the configuration in the documentation."""
    block = re.search(r"```[a-z]*\n(server_name: .*?)```", DOC.read_text(), re.DOTALL)
    assert block
    return block[1]


class Nodes:
    """The nodes ``a``, ``b`` and ``c``."""

    def __init__(self, root: Path) -> None:
        self._reserved = {name: reserved_port() for name in ("a", "b", "c", "ra", "rb", "rc")}
        self.ports = {name: self._reserved[name][0] for name in "abc"}  # MQTT
        self._routes = {name: self._reserved["r" + name][0] for name in "abc"}
        self._root = root
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        for name in "abc":
            (root / name).mkdir(parents=True)
            (root / name / "conf").write_text(self._config(name))

    def _config(self, name: str) -> str:
        text = documented()
        for old, new in {
            "nas-a": f"nas-{name}",
            "0.0.0.0:4222": "127.0.0.1:-1",
            "0.0.0.0:6222": f"127.0.0.1:{self._routes[name]}",
            "0.0.0.0:1883": f"127.0.0.1:{self.ports[name]}",
            '"/var/lib/nats"': f'"{self._root / name / "store"}"',
            'password: "..."': f'password: "{LOGIN["password"]}"',
            "fridge:...": "fridge:" + quote(LOGIN["password"]),
            "192.168.1.5:6222": f"127.0.0.1:{self._routes['a']}",
            "192.168.1.6:6222": f"127.0.0.1:{self._routes['b']}",
            "192.168.1.7:6222": f"127.0.0.1:{self._routes['c']}",
        }.items():
            assert old in text, old
            text = text.replace(old, new)
        return text

    def start(self, *names: str) -> None:
        """Start nodes, and wait until they accept connections."""
        for name in names:
            with (self._root / name / "log").open("ab") as log:
                command = [*ending_with_us(), str(NATS), "-c", str(self._root / name / "conf")]
                self._processes[name] = subprocess.Popen(command, stdout=log, stderr=log)
        for name in names:
            self._wait(name)

    def _wait(self, name: str) -> None:
        for _ in range(1500):
            log = (self._root / name / "log").read_text()
            assert self._processes[name].poll() is None, log
            try:
                socket.create_connection(("127.0.0.1", self.ports[name]), timeout=5).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the node does not accept connections")

    def kill(self, name: str) -> None:
        """Kill a node with SIGKILL."""
        process = self._processes.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        for name in tuple(self._processes):
            self.kill(name)
        for _, reserved in self._reserved.values():
            reserved.close()


class Front:
    """The single address of the cluster: it forwards each connection to a node that accepts it."""

    def __init__(self, ports: list[int]) -> None:
        self._ports = ports
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        opening = asyncio.start_server(self._forward, "127.0.0.1", 0)
        self._server = asyncio.run_coroutine_threadsafe(opening, self._loop).result(10)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self._next = 0

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._next += 1
        for n in range(len(self._ports)):
            port = self._ports[(self._next + n) % len(self._ports)]
            with contextlib.suppress(OSError):
                node_reader, node_writer = await asyncio.open_connection("127.0.0.1", port)
                await asyncio.gather(_copy(reader, node_writer), _copy(node_reader, writer))
                return
        writer.close()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


class ClusterBroker:
    """A cluster with the methods of a ``Broker``; each ``kill`` kills the next node."""

    def __init__(self, root: Path) -> None:
        self._nodes = Nodes(root)
        self._front = Front(list(self._nodes.ports.values()))
        self._next = 0
        self._stopped = list("abc")
        self.where = from_url(f"mqtt://127.0.0.1:{self._front.port}")

    def start(self) -> None:
        """Start the nodes that are not running."""
        self._nodes.start(*self._stopped)
        self._stopped = []

    def kill(self) -> None:
        """Kill one node with SIGKILL."""
        name = "abc"[self._next % 3]
        self._next += 1
        self._nodes.kill(name)
        self._stopped.append(name)

    def stop(self) -> None:
        self._nodes.stop()
        self._front.close()
