"""A board whose connection to the broker breaks off before it has subscribed.

The broker then has a session of the board, but drops the requests for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from pathlib import Path

import pytest

from tests.helpers.brokers import LOGIN, Broker
from tests.helpers.mail import Mail, mail
from torpor_tools.gateway.broker import client
from torpor_tools.model.cluster import Mailbox
from torpor_tools.project.mailbox import from_url

SUBSCRIBE = 0x82
ASYNC = {"Prefer": "respond-async"}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Interrupted(Broker):
    """A broker behind a relay, which can break off a board's connection before it subscribes.

    Attributes:
        breaks: How many connections the relay will still break off.
        drops: Whether it drops what a board sends to subscribe.
    """

    def __init__(self, folder: Path) -> None:
        self._relay: asyncio.Server | None = None
        super().__init__("nats", folder)
        self.breaks = 0
        self.drops = False

    @property
    def where(self) -> Mailbox:
        if self._relay is None:
            return super().where
        return from_url(f"mqtt://127.0.0.1:{self._relay.sockets[0].getsockname()[1]}")

    async def open(self) -> None:
        """Start the relay."""
        self._relay = await asyncio.start_server(self._forward, "127.0.0.1", 0)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            back, forth = await asyncio.open_connection("127.0.0.1", self.port)
            await asyncio.gather(self._copy(reader, forth), self._copy(back, writer))
        writer.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if data[0] == SUBSCRIBE and b"/box/in" in data:
                    if self.breaks:
                        self.breaks -= 1
                        break
                    if self.drops:
                        continue
                writer.write(data)
        writer.close()


async def forget(box: Mail) -> None:
    """Stop the broker and delete what it has stored."""
    box.broker.kill()
    while box.gateway.broker.connected.is_set():
        await asyncio.sleep(0.01)
    shutil.rmtree(box.broker.folder / "store")


async def unknown(box: Mail) -> None:
    """Wait until the gateway has found that the broker does not know the board."""
    async with asyncio.timeout(30):
        while "box" in box.gateway.parked.boards:
            await asyncio.sleep(0.01)


async def all_received(box: Mail) -> None:
    """Wait until the gateway has received what the broker published before now."""
    status = json.dumps({"state": "awake"}).encode()
    async with client(box.broker.where, LOGIN, "guard") as mqtt:
        await mqtt.publish("torpor/test/guard/status", status, qos=1, retain=True)
    async with asyncio.timeout(30):
        while "guard" not in box.gateway.parked.boards:
            await asyncio.sleep(0.01)


async def accepts_only_then(box: Mail, broker: Interrupted) -> None:
    """Check that the gateway accepts requests only once the board has subscribed."""
    await all_received(box)
    refused = await box.http.post("/items", json={"n": 1}, headers=ASYNC)
    assert refused.status_code == 503
    broker.breaks, broker.drops = 0, False
    await box.wake_up()
    posted = await box.http.post("/items", json={"n": 2}, headers=ASYNC)
    assert posted.status_code == 202
    async with asyncio.timeout(60):
        while (answer := await box.http.get(posted.headers["location"])).status_code == 202:
            await asyncio.sleep(0.02)
    assert answer.json()["n"] == 2


async def test_no_request_is_accepted_before_the_board_has_subscribed(tmp_path: Path) -> None:
    broker = Interrupted(tmp_path / "broker")
    await broker.open()
    async with mail(tmp_path, broker, power='policy = "deep"\nlinger_ms = 100') as box:
        await box.sleeps()
        await forget(box)
        broker.breaks = 100
        await asyncio.to_thread(broker.start)
        await unknown(box)
        async with client(broker.where, LOGIN, "watch") as mqtt:
            await mqtt.subscribe("torpor/test/box/+")
            box.wake()
            async with asyncio.timeout(30):
                await anext(aiter(mqtt.messages))  # the will
        assert broker.breaks < 100
        await accepts_only_then(box, broker)


async def test_a_board_that_sleeps_before_it_has_subscribed_reports_nothing(
    tmp_path: Path,
) -> None:
    broker = Interrupted(tmp_path / "broker")
    await broker.open()
    async with mail(tmp_path, broker, power='policy = "deep"\nlinger_ms = 100') as box:
        await box.sleeps()
        await forget(box)
        broker.drops = True
        await asyncio.to_thread(broker.start)
        await unknown(box)
        mark = box.board.trace.mark()
        box.wake()
        await box.board.wait_trace("deepsleep", 60, since=mark)
        await accepts_only_then(box, broker)


async def test_a_lost_session_is_reported_over_the_next_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """For that connection the broker has a session again: the one that the first has left."""
    broker = Interrupted(tmp_path / "broker")
    await broker.open()
    async with mail(tmp_path, broker, power='policy = "deep"\nlinger_ms = 60000') as box:
        await box.known("awake")
        caplog.clear()
        box.gateway.broker._caught_up = lambda is_caught_up: None  # only the board notices
        await forget(box)
        broker.breaks = 1
        await asyncio.to_thread(broker.start)
        async with asyncio.timeout(60):
            while not any("has lost its session" in r.getMessage() for r in caplog.records):
                await asyncio.sleep(0.01)
        assert not broker.breaks
