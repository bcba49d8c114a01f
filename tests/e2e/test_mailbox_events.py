"""Events of a board that sleeps reach other programs: at the broker and through the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.helpers.brokers import LOGIN, Broker
from tests.helpers.mail import ITEMS, mail
from torpor_tools.gateway.broker import Broker as Client

SOURCE = ITEMS.replace("import Fault, Service", "import Event, Fault, Service").replace(
    "\n\nclass Items",
    "\n\nclass Opened(Event):\n    times: int\n\n\n"
    "class Seen(Event):\n    by: str\n\n\nclass Items",
)
SOURCE = SOURCE.replace(
    "    async def opened(self) -> None:\n        pass\n",
    """    async def opened(self) -> None:
        await self.publish(Seen(by="pin"))
        await self.publish(Opened(times=1))

    @post("/open")
    async def open_it(self, times: int) -> None:
        await self.publish(Opened(times=times))
""",
)
OPENED = 'event: Opened\ndata: {"times":%d}\n\n'


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


async def take(pieces: AsyncIterator[str]) -> str:
    """Return the next event of a stream, without keep-alives."""
    async with asyncio.timeout(30):
        while not (text := (await anext(pieces)).replace(":\n\n", "")):
            pass
    return text


async def test_events_reach_the_broker_and_the_gateway(tmp_path: Path) -> None:
    broker = Broker("nats", tmp_path / "broker")
    seen: list[tuple[str, bytes]] = []
    spy = Client(broker.where, LOGIN, ["torpor/test/events/+"], lambda *m: seen.append(m))
    async with mail(tmp_path, broker, source=SOURCE, events=["Opened", "Seen"]) as box:
        spying = asyncio.create_task(spy.run())
        await spy.connected.wait()
        await box.sleeps()
        async with box.http.stream("GET", "/~events?name=Opened") as stream:
            assert stream.headers["content-type"] == "text/event-stream"
            box.wake()  # publishes before the board has Wi-Fi
            pieces = stream.aiter_text()
            assert await take(pieces) == OPENED % 1
            assert (await box.http.post("/open", json={"times": 2})).status_code == 204
            assert await take(pieces) == OPENED % 2
        assert (await box.http.get("/~events?name=Opend")).status_code == 404
        topic = "torpor/test/events/"
        assert seen == [
            (topic + "Seen", b'{"by":"pin"}'),
            (topic + "Opened", b'{"times":1}'),
            (topic + "Opened", b'{"times":2}'),
        ]
        spying.cancel()
        box.close()
        await box.sleeps()
        broker.kill()
        since = box.board.log.mark()
        box.wake()
        lost = "events: 2 events did not reach the broker before sleep"
        await box.board.wait_log(lost, since=since)
