"""However the gateway ends, its broker also ends, after it has written its messages."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.helpers.brokers import KINDS, LOGIN, free_port
from tests.helpers.ending import ENDS_WITH_US
from tests.helpers.running import write_cluster
from torpor_tools.gateway.nats import is_needed
from torpor_tools.model.cluster import Mailbox
from torpor_tools.project.mailbox import from_url

SOURCE = """
from torpor import Service, get


class Items(Service):
    @get("/items")
    async def all(self) -> list[int]:
        return []
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Cluster:
    """Write a project whose gateways start a broker."""

    def __init__(self, root: Path) -> None:
        self.root = write_cluster(root, {"items": SOURCE}, "ESP32_GENERIC")
        self.where: Mailbox = from_url(f"mqtt://127.0.0.1:{free_port()}")
        toml = root / "cluster.toml"
        more = f'\n[mailbox]\ngateway = "127.0.0.1:{self.where.port}"\n'
        text = toml.read_text().replace("services =", "mailbox = true\nservices =")
        toml.write_text(text + more)
        login = "".join(f'{key} = "{value}"\n' for key, value in LOGIN.items())
        (root / "secrets.toml").write_text(f"[mailbox]\n{login}")

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[subprocess.Popen[bytes]]:
        """``torpor gateway`` in its own process, connected to a broker."""
        torpor = str(Path(sys.executable).with_name("torpor"))
        port = free_port()
        command = [torpor, "-C", str(self.root), "gateway", "--bind", "127.0.0.1"]
        with (self.root / "gateway.log").open("ab") as log:
            process = subprocess.Popen(
                [*command, "--port-base", str(port)], stdout=log, stderr=log, start_new_session=True
            )
        try:
            async with httpx.AsyncClient(trust_env=False) as http:
                while not await self._connected(http, port):
                    assert process.poll() is None, (self.root / "gateway.log").read_text()
                    await asyncio.sleep(0.05)
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    async def _connected(self, http: httpx.AsyncClient, port: int) -> bool:
        with contextlib.suppress(httpx.TransportError):
            state = await http.get(f"http://127.0.0.1:{port}/~gateway")
            return bool(state.json()["broker"])
        return False

    @property
    def log(self) -> str:
        """The broker's log."""
        return (self.root / "build" / "gateway" / "nats.log").read_text()

    async def broker_ends(self) -> None:
        while not await asyncio.to_thread(is_needed, self.where):
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT", "SIGKILL", "SIGABRT"])
async def test_the_broker_ends_with_the_gateway(tmp_path: Path, name: str) -> None:
    cluster = Cluster(tmp_path)
    async with asyncio.timeout(60), cluster.gateway() as process:
        process.send_signal(getattr(signal, name))
        status = await asyncio.to_thread(process.wait)
        await cluster.broker_ends()
        is_clean = name in ("SIGTERM", "SIGHUP", "SIGINT")
        text = (tmp_path / "gateway.log").read_text()
        assert (status == 0) == is_clean, text
        assert text.endswith("stopped\n") == is_clean
        assert "Traceback" not in text
        while "Server Exiting" not in cluster.log:  # it was asked to end, and not killed
            await asyncio.sleep(0.05)


async def test_another_gateway_takes_the_broker_over(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    async with asyncio.timeout(60), cluster.gateway() as first, cluster.gateway() as second:
        first.kill()
        await asyncio.to_thread(first.wait)
        while cluster.log.count("Server is ready") < 2:
            assert second.poll() is None
            await asyncio.sleep(0.05)
        second.terminate()
        await asyncio.to_thread(second.wait)
        await cluster.broker_ends()


_KILLED = """
import os, signal, sys
from pathlib import Path
from tests.helpers.brokers import Broker

broker = Broker(sys.argv[1], Path(sys.argv[2]))
broker.start()
print(broker.where.url, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(not ENDS_WITH_US, reason="NO setpriv FOUND: brokers may outlive killed tests")
@pytest.mark.parametrize("kind", KINDS)
async def test_a_broker_of_the_tests_ends_with_them(tmp_path: Path, kind: str) -> None:
    command = [sys.executable, "-c", _KILLED, kind, str(tmp_path)]
    tests = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert tests.returncode == -signal.SIGKILL, tests.stderr
    async with asyncio.timeout(60):
        while not is_needed(from_url(tests.stdout.strip())):
            await asyncio.sleep(0.05)
