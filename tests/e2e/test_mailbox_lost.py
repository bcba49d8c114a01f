"""A broker that loses a board's session: the gateway notices, and informs waiting clients."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.helpers.brokers import KINDS, Broker
from tests.helpers.mail import Mail, mail

ASYNC = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=KINDS)
async def box(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Mail]:
    root = tmp_path_factory.mktemp("cluster")
    async with mail(root, Broker(request.param, root / "broker", keeps=False)) as mailbox:
        yield mailbox


async def restart(box: Mail) -> None:
    """Restart the broker, which loses everything."""
    box.broker.kill()
    while box.gateway.broker.connected.is_set():
        await asyncio.sleep(0.01)
    for name in ("store", "jetstream"):
        shutil.rmtree(box.broker.folder / name, ignore_errors=True)
    await asyncio.to_thread(box.broker.start)


async def test_a_broker_that_forgets_while_the_board_sleeps(
    box: Mail, caplog: pytest.LogCaptureFixture
) -> None:
    box.close()
    await box.sleeps()
    key = {"Idempotency-Key": "forgotten", **ASYNC}
    posted = await box.http.post("/items", json={"n": 1}, headers=key)
    assert posted.status_code == 202
    keyed = {"Idempotency-Key": "waits"}
    waits = asyncio.create_task(box.http.post("/items", json={"n": 2}, headers=keyed))
    held = asyncio.create_task(box.http.post("/items", json={"n": 3}))
    while box.gateway.parked.waits("box") < 3:
        await asyncio.sleep(0.01)
    caplog.clear()
    await restart(box)

    lost = await waits
    assert lost.status_code == 502
    assert lost.json() == {"error": "the broker has lost the request before box took it"}
    assert (await box.http.get(posted.headers["location"])).status_code == 502
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.getMessage().endswith("of box, and the requests that waited in it: 2")
    assert "box" not in box.gateway.parked.boards
    refused = await box.http.post("/items", json={"n": 4}, headers=ASYNC)
    assert refused.status_code == 503  # the broker would drop it

    box.wake()
    assert (await held).json()["n"] == 3  # the gateway had it, and has sent it to the broker again
    await box.wake_up()
    again = await box.http.post("/items", json={"n": 1}, headers={"Idempotency-Key": "forgotten"})
    assert again.json()["n"] == 1
    assert (await box.http.get("/items")).json() == [3, 1]


async def test_a_broker_that_forgets_only_the_session(
    box: Mail, caplog: pytest.LogCaptureFixture
) -> None:
    """The board notices when it connects, and reports it."""
    box.close()
    await box.sleeps()
    status = box.gateway.parked.boards["box"]
    posted = await box.http.post("/items", json={"n": 5}, headers=ASYNC)
    box.gateway._caught_up = lambda is_caught_up: None  # type: ignore[method-assign]
    box.gateway.broker._caught_up = lambda is_caught_up: None
    caplog.clear()
    await restart(box)
    await box.gateway.broker.connected.wait()
    box.gateway.parked.boards["box"] = status  # as after a broker that had kept it
    assert (await box.http.get(posted.headers["location"])).status_code == 202
    box.wake()
    while (answer := await box.http.get(posted.headers["location"])).status_code == 202:
        await asyncio.sleep(0.02)
    assert answer.status_code == 502
    assert any("has lost its session of box" in r.getMessage() for r in caplog.records)
    await box.wake_up()
    assert (await box.http.get("/items")).status_code == 200


async def test_a_broker_that_restarts_and_forgets_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with mail(tmp_path, Broker("nats", tmp_path / "broker")) as box:
        await box.sleeps()
        posted = await box.http.post("/items", json={"n": 1}, headers=ASYNC)
        for _ in range(2):
            box.broker.kill()
            while box.gateway.broker.connected.is_set():
                await asyncio.sleep(0.01)
            await asyncio.to_thread(box.broker.start)
            await box.gateway.broker.connected.wait()
            await box.known("asleep")
        box.wake()
        while (answer := await box.http.get(posted.headers["location"])).status_code == 202:
            await asyncio.sleep(0.02)
        assert answer.json()["n"] == 1
        assert not [record for record in caplog.records if record.levelno == logging.ERROR]


async def test_a_request_that_another_client_is_handing_over_is_not_accepted_yet(
    tmp_path: Path,
) -> None:
    """A client once got 202 for another client's request that the broker did not have."""
    key = {"Idempotency-Key": "handed over thrice", **ASYNC}
    async with mail(tmp_path, Broker("nats", tmp_path / "broker")) as box:
        await box.sleeps()
        parked = box.gateway.parked

        def post() -> asyncio.Task[httpx.Response]:
            return asyncio.create_task(box.http.post("/items", json={"n": 70}, headers=key))

        box.broker.kill()
        while box.gateway.broker.connected.is_set():
            await asyncio.sleep(0.01)
        clients = [post()]
        while not parked.keys:  # the gateway hands over the key first
            await asyncio.sleep(0.01)
        clients.append(post())
        while not parked.waits("box"):
            await asyncio.sleep(0.01)
        third = post()
        while not third.done() and max(parked._handing.values()) < 2:
            await asyncio.sleep(0.01)
        assert not third.done()
        for client in clients:  # they hang up
            client.cancel()
        await asyncio.to_thread(box.broker.start)
        assert (await third).status_code == 202
        box.wake()
        while (answer := await box.http.get((await third).headers["location"])).status_code == 202:
            await asyncio.sleep(0.02)
        assert answer.json()["n"] == 70
