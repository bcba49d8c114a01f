"""A sleeping board answers through the gateway: a real broker, and a board in the simulator."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.helpers.brokers import KINDS, LOGIN, Broker
from tests.helpers.mail import ITEMS, Mail, mail
from torpor_tools.gateway import message
from torpor_tools.gateway.broker import Broker as Client

ASYNC = {"Prefer": "respond-async"}
SOON = {"Prefer": "wait=0"}


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=KINDS)
async def box(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Mail]:
    root = tmp_path_factory.mktemp("cluster")
    async with mail(root, Broker(request.param, root / "broker")) as found:
        yield found


async def asleep(box: Mail) -> None:
    """Wait until the board is asleep, with its door closed."""
    box.close()
    await box.sleeps()


async def items(box: Mail) -> list[int]:
    await box.wake_up()
    found: list[int] = (await box.http.get("/items")).json()
    return found


SMUGGLED = b"POST /items HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n"
LENGTH, CHUNKED = b"Content-Length: 4\r\n", b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize("heads", [LENGTH + CHUNKED, CHUNKED + LENGTH, LENGTH * 2, CHUNKED * 2])
async def test_nothing_is_smuggled_to_a_board(box: Mail, heads: bytes) -> None:
    """Through the gateway, with the real board behind it."""
    await box.wake_up()
    reader, writer = await asyncio.open_connection("127.0.0.1", box.gateway.ports[8001])
    writer.write(b"POST /items HTTP/1.1\r\nHost: x\r\n" + heads + b"\r\n0\r\n\r\n")
    writer.write(SMUGGLED + b'{"n":91}')
    response = await reader.read()
    writer.close()
    assert response.startswith(b"HTTP/1.1 400 ")
    assert response.count(b"HTTP/1.1 ") == 1
    assert 91 not in await items(box)


async def test_an_awake_board_answers_itself(box: Mail) -> None:
    await box.wake_up()
    answer = await box.http.post("/items", json={"n": 1})
    assert answer.json() == {"n": 1, "key": 1, "row": {"n": 1}}
    assert answer.headers["content-length"] == str(len(answer.content))
    assert (await box.http.post("/items", json={"n": "one"})).status_code == 400
    assert (await box.http.get("/nothing")).status_code == 404


async def test_a_sleeping_board_answers_when_it_wakes(box: Mail) -> None:
    await asleep(box)
    early = await box.http.get("/items", headers=SOON)
    assert early.status_code == 504
    assert 3000 < int(early.headers["retry-after"]) <= 3600
    parked = asyncio.create_task(box.http.post("/items", json={"n": 2}))
    again = asyncio.create_task(box.http.post("/items", json={"n": 3}))
    while box.gateway.parked.waits("box") < 2:
        await asyncio.sleep(0.01)
    box.wake()
    assert (await parked).json()["n"] == 2
    assert (await again).json()["n"] == 3
    assert (await items(box))[:1] == [1]
    assert sorted(await items(box)) == [1, 2, 3]


async def test_an_answer_can_be_fetched_later(box: Mail) -> None:
    await asleep(box)
    reply = await box.http.post("/items", json={"n": 4}, headers=ASYNC)
    assert reply.status_code == 202
    place = reply.headers["location"]
    assert (await box.http.get(place)).status_code == 202
    async with box.opened() as other, box.client(other) as http:
        assert (await http.get(place)).status_code in (
            202,
            404,
        )  # 404: no such board yet
        box.wake()
        while (answer := await http.get(place)).status_code in (202, 404):
            await asyncio.sleep(0.02)
    assert answer.json()["n"] == 4


async def test_a_request_with_a_key_is_executed_once(box: Mail) -> None:
    await box.wake_up()
    key = {"Idempotency-Key": "the fifth"}
    first = await box.http.post("/items", json={"n": 5}, headers=key)
    assert first.json()["n"] == 5
    await asleep(box)
    async with (
        box.opened() as other,
        box.client(other) as http,
    ):
        while "box" not in other.parked.boards:
            await asyncio.sleep(0.01)
        box.wake()
        second = await http.post("/items", json={"n": 5}, headers=key)
    assert (second.status_code, second.json()) == (200, first.json())
    assert (await items(box)).count(5) == 1


async def test_a_key_is_for_one_request(box: Mail) -> None:
    """This holds at any gateway, even at one that has started later, and while the board sleeps."""
    await box.wake_up()
    key = {"Idempotency-Key": "the sixth"}
    first = await box.http.post("/items", json={"n": 60}, headers=key)
    assert first.json()["n"] == 60
    await asleep(box)
    async with box.opened() as other, box.client(other) as http:
        while "box" not in other.parked.boards:
            await asyncio.sleep(0.01)
        for client in (box.http, http):
            for verb, path, n in (
                ("POST", "/items", 61),
                ("PUT", "/items", 60),
                ("POST", "/items?n=1", 60),
                ("POST", "/slow", 60),
                ("GET", "/items", None),
            ):
                for more in ({}, ASYNC):
                    body = None if n is None else {"n": n}
                    refused = await client.request(verb, path, json=body, headers={**key, **more})
                    assert refused.status_code == 422, (verb, path)
            same = await client.post("/items", json={"n": 60}, headers=key)
            assert (same.status_code, same.json()) == (200, first.json())
        posted = await box.http.post(
            "/items", json={"n": 62}, headers={"Idempotency-Key": "not done yet", **ASYNC}
        )
        assert posted.status_code == 202
        while len(other.parked.keys) < len(box.gateway.parked.keys):
            await asyncio.sleep(0.01)
        for client in (box.http, http):
            refused = await client.post(
                "/items", json={"n": 63}, headers={"Idempotency-Key": "not done yet"}
            )
            assert refused.status_code == 422
    found = await items(box)
    assert found.count(60) == 1
    assert not {61, 63} & set(found)


@pytest.mark.parametrize("verb", ["POST", "GET"])
async def test_a_request_whose_client_hangs_up_is_dropped(box: Mail, verb: str) -> None:
    await asleep(box)
    async with box.opened(limit=2) as few:
        while "box" not in few.parked.boards:
            await asyncio.sleep(0.01)
        mark = box.board.log.mark()
        for _ in range(3):  # more than can wait at a time
            async with box.client(few) as http:
                path = "/slow" if verb == "POST" else "/slow?n=1"
                gone = asyncio.create_task(http.request(verb, path, json={"n": 71}))
                while not few.parked.waits("box"):
                    await asyncio.sleep(0.01)
                gone.cancel()
            while few.parked.waits("box"):
                await asyncio.sleep(0.01)
        async with box.client(few) as http:
            stays = asyncio.create_task(http.post("/items", json={"n": 72}))
            while not few.parked.waits("box"):
                await asyncio.sleep(0.01)
            box.wake()
            assert (await stays).json()["n"] == 72
    assert 71 not in await items(box)
    assert not [line for line in box.board.log[mark:] if "slow" in str(line)]


async def test_a_request_that_has_waited_long_enough_is_not_executed(box: Mail) -> None:
    await asleep(box)
    late = await box.http.post("/items", json={"n": 81}, headers={"Prefer": "wait=1"})
    assert late.status_code == 504
    assert "will not execute it" in late.json()["error"]
    assert "location" not in late.headers
    box.wake()
    await box.known("awake")
    assert 81 not in await items(box)


async def test_an_answer_is_kept_unchanged(box: Mail) -> None:
    """The request is put into the mailbox twice: the second time the board repeats its answer."""
    await box.wake_up()
    for path, body, kept in (
        ("/full", b"", True),
        ("/large", b'{"size":500}', True),
        ("/large", b'{"size":4000}', False),
    ):
        id = f"twice-{path[1:]}-{len(body)}"
        got = []
        for _ in range(2):
            head = message.head("POST", path.encode(), JSON, len(body))
            line = message.envelope(id, f"torpor/test/answers/{id}", 2e9, "items")
            await box.gateway.broker.publish("torpor/test/box/in", line + head + body)
            box.gateway.parked._answers.pop(id, None)
            answer = await box.gateway.parked.wait(id, 20)
            assert answer
            got.append(answer)
        if kept:
            assert got[0] == got[1]
        else:
            assert (got[1].status, b"too long to be kept" in got[1].body) == (200, True)
    assert (await items(box)).count(-1) == 1


JSON = [(b"host", b"x"), (b"content-type", b"application/json")]


async def test_a_request_that_is_delivered_a_third_time(box: Mail) -> None:
    """The board has counted its second try in one store, and keeps its result in another."""
    await box.board.reset()
    mark = box.board.log.mark()
    key = {"Idempotency-Key": "thrice", "Prefer": "respond-async"}
    posted = await box.http.post("/slow", json={"n": 33}, headers=key)
    await box.board.wait_log("slow", since=mark)
    await box.board.reset()  # cut in the handler
    while (answer := await box.http.get(posted.headers["location"])).status_code == 202:
        await asyncio.sleep(0.02)
    id = posted.headers["location"].rsplit("/", 1)[1]
    head = message.head("POST", b"/slow", JSON, 8)
    line = message.envelope(id, f"torpor/test/answers/{id}", 2e9, "items")
    box.gateway.parked._answers.pop(id)
    await box.board.reset()
    await box.gateway.broker.publish("torpor/test/box/in", line + head + b'{"n":33}')
    again = await box.gateway.parked.wait(id, 20)
    assert again
    assert json.loads(again.body) == answer.json()
    assert (await items(box)).count(33) == 1


async def test_a_begun_request_goes_before_later_ones(box: Mail) -> None:
    await box.board.reset()
    mark = box.board.log.mark()
    await box.http.post("/slow", json={"n": 41}, headers=ASYNC)
    await box.board.wait_log("slow", since=mark)
    box.board.kill()  # it starts again, and the broker does not know that yet
    later = await box.http.post("/items", json={"n": 42}, headers=ASYNC)
    while (await box.http.get(later.headers["location"])).status_code == 202:
        await asyncio.sleep(0.02)
    found = await items(box)
    assert (found.count(41), found.count(42)) == (1, 1)
    assert found.index(41) < found.index(42)


async def test_a_request_too_large_for_the_heap_does_not_block_others(box: Mail) -> None:
    await box.wake_up()
    large = {"n": 51, "pad": "x" * 15_800}
    sent = box.http.post("/items", json=large, headers={"Idempotency-Key": "large"})
    reply = asyncio.create_task(sent)
    while not box.gateway.parked.waiting.get("box") and not reply.done():
        await asyncio.sleep(0.01)
    small = await box.http.post("/items", json={"n": 52}, headers={"Idempotency-Key": "small"})
    assert small.status_code == 200
    assert (await reply).status_code in (200, 400, 413, 503)


async def test_the_number_of_waiting_requests_is_limited(box: Mail) -> None:
    await asleep(box)
    async with box.opened(limit=2) as few, box.client(few) as http:
        while "box" not in few.parked.boards:
            await asyncio.sleep(0.01)
        for n in (6, 7):
            assert (await http.post("/items", json={"n": n}, headers=ASYNC)).status_code == 202
        full = await http.post("/items", json={"n": 8}, headers=ASYNC)
        assert full.status_code == 429
        assert int(full.headers["retry-after"]) > 3000
        box.wake()
        while len(few.parked.waiting["box"]):
            await asyncio.sleep(0.02)
    assert {6, 7} < set(await items(box))
    assert 8 not in await items(box)


async def test_an_invalid_request_is_put_aside(box: Mail) -> None:
    dead = await listen(box, "torpor/test/box/dead/+")
    await box.wake_up()
    for payload in (b"nonsense", b'{"id":"x","reply":"torpor/other","service":"items"}\n', b"{}\n"):
        await box.gateway.broker.publish("torpor/test/box/in", payload)
        reply = json.loads((await dead.get()).partition(b"\n")[0])
        assert reply["id"] == "unreadable"
    assert (await box.http.get("/items")).status_code == 200


async def test_only_routes_can_be_reached(box: Mail) -> None:
    await box.wake_up()
    for target, status in ((b"/~", 401), (b"/~/items/secret", 401), (b"/secret", 404)):
        id = f"try-{target.decode().strip('/~').replace('/', '-')}-x"
        line = message.envelope(id, f"torpor/test/answers/{id}", 2e9, "items")
        head = message.head("GET", target, JSON, 0)
        await box.gateway.broker.publish("torpor/test/box/in", line + head)
        answer = await box.gateway.parked.wait(id, 20)
        assert answer
        assert answer.status == status


async def test_a_request_that_ends_the_program_is_given_up(box: Mail) -> None:
    dead = await listen(box, "torpor/test/box/dead/+")
    await box.wake_up()
    starts = box.board.starts
    answer = await box.http.post("/poison", headers={"Prefer": "wait=50", "Idempotency-Key": "p"})
    assert answer.status_code == 500
    assert "given up" in answer.json()["error"]
    while b"unreadable" in (letter := await dead.get()):
        pass
    head, _, request = letter.partition(b"\n")
    assert "3 times" in json.loads(head)["error"]
    assert b"POST /poison" in request
    assert box.board.starts == starts + 3


async def listen(box: Mail, topic: str) -> asyncio.Queue[bytes]:
    """Return the messages of a topic."""

    messages: asyncio.Queue[bytes] = asyncio.Queue()
    client = Client(
        box.broker.where, LOGIN, [topic], lambda _, payload: messages.put_nowait(payload)
    )
    box.listeners.append(asyncio.create_task(client.run()))
    await client.connected.wait()
    await asyncio.sleep(0.1)
    while not messages.empty():  # what is retained
        messages.get_nowait()
    return messages


BODIES = [
    b'{"n" 1}',
    b'{"n":1,,}',
    b'{"n":01}',
    b'{"n":1e999}',
    b'{"n":NaN}',
    b'{"n":"\\x"}',
    b'{"n":[1}}',
    b"{1:2}",
    b"[",
    b"\xff",
    b'{"n":"\xed\xa0\xbd"}',
]


async def test_the_board_alone_judges_a_body(box: Mail) -> None:
    """The same answer from the board, through the gateway, and through the mailbox."""
    await box.wake_up()
    direct = box.sim.board("box").place.url(8001)
    for number, body in enumerate(BODIES):
        answers = []
        for url, more in (
            (direct, {}),
            (str(box.http.base_url), {}),
            (str(box.http.base_url), {"Idempotency-Key": f"body {number}"}),
        ):
            headers = {"Content-Type": "application/json", **more}
            answer = await box.http.post(f"{url}/items", content=body, headers=headers)
            answers.append((answer.status_code, answer.json()))
        statuses = {status for status, _ in answers}
        assert len(statuses) == 1, (body, answers)
        if statuses != {200}:
            assert answers[0] == answers[1] == answers[2], body


async def test_a_board_that_was_never_there(box: Mail) -> None:
    await asleep(box)
    box.gateway.parked.boards.pop("box")
    refused = await box.http.post("/items", json={"n": 9}, headers=ASYNC)
    assert refused.status_code == 503


async def test_a_service_that_did_not_start(tmp_path: Path) -> None:
    source = ITEMS.replace('store.table("items")', "missing")
    async with mail(tmp_path, Broker("nats", tmp_path / "broker"), source=source) as box:
        await box.wake_up()
        answer = await box.http.get("/items", headers={"Idempotency-Key": "x", "Prefer": "wait=20"})
        assert answer.status_code == 503
        assert "did not start" in answer.json()["error"]


READS = """
import asyncio
import sys

from torpor import Service, get


class Items(Service):
    @get("/items")
    async def all(self) -> list[int]:
        await asyncio.sleep(3)
        return [1, 2, sys.modules.get("services.items") is not None]
"""


async def test_a_service_that_starts_on_request(tmp_path: Path) -> None:
    broker = Broker("nats", tmp_path / "broker")
    async with mail(tmp_path, broker, source=READS, start="on-request") as box:
        await box.wake_up()
        answer = await box.http.get("/items", headers={"Idempotency-Key": "x", "Prefer": "wait=20"})
        assert (answer.status_code, answer.json()) == (200, [1, 2, True])
        await box.board.wait_log("items started for a client", 20)


SLOW = """
import asyncio

from torpor import Service, get


class Items(Service):
    @get("/items")
    async def all(self) -> list[int]:
        self.log.info("asked")
        await asyncio.sleep(2)
        return [1, 2]
"""


async def test_a_read_that_outlasts_the_broker_is_executed_once(tmp_path: Path) -> None:
    async with mail(tmp_path, Broker("nats", tmp_path / "broker"), source=SLOW) as box:
        await box.sleeps()
        parked = await box.http.get("/items", headers={"Idempotency-Key": "x", **ASYNC})
        assert parked.status_code == 202
        await box.wake_up()
        await box.sleeps()
        answer = await box.http.get(parked.headers["location"])
        assert answer.json() == [1, 2]
        assert len([line for line in box.board.log if "asked" in str(line)]) == 1
