"""Calls to a board that sleeps: real broker, real boards, through the mailbox."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.helpers.brokers import KINDS, Broker
from tests.helpers.sleepers import IN, NOTE, TOGETHER, Pair, images, pair
from torpor_sim import Simulator

REQUESTS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/add", {"json": {"n": 8}}),
    ("POST", "/full", {}),
    ("POST", "/bug", {}),
    ("GET", "/raw", {"params": {"size": 3_000}}),
    ("GET", "/all", {}),
]


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module", params=KINDS)
async def boards(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Pair]:
    root = tmp_path_factory.mktemp("cluster")
    async with pair(root, Broker(request.param, root / "broker")) as found:
        yield found


async def test_a_call_waits_until_the_board_wakes(boards: Pair) -> None:
    await boards.asleep()
    calls = [await boards.asks("POST", "/add", json={"n": n}) for n in (1, 2)]
    assert not any(call.done() for call in calls)
    boards.wake()
    answers = [await call for call in calls]
    assert [a.status_code for a in answers] == [200, 200], [a.text for a in answers]
    assert sorted(a.json()["n"] for a in answers) == [1, 2]
    assert sorted(await boards.rows()) == [1, 2]
    assert (boards.times(1), boards.times(2)) == (1, 1)


async def answers(calls: list[Awaitable[httpx.Response]]) -> list[tuple[int, Any]]:
    found = [await call for call in calls]
    return [(answer.status_code, answer.json()) for answer in found]


async def test_a_service_gives_the_same_answers_on_a_board_that_sleeps(
    tmp_path: Path,
) -> None:
    """This includes faults, bugs and bytes; only ``cluster.toml`` differs."""
    broker = Broker("nats", tmp_path / "broker")
    async with pair(tmp_path / "apart", broker) as boards:
        apart = []
        for some in (REQUESTS[:3], REQUESTS[3:]):  # a Pico W has slots for three clients
            await boards.asleep()
            asked = [await boards.asks(verb, path, **more) for verb, path, more in some]
            boards.wake()
            apart += await answers(list(asked))
        barn = "\n".join(map(str, boards.sim.board("barn").log))
    assert "keeper.bug on box: ZeroDivisionError; the log there says more" in barn
    (image,) = images(tmp_path / "together", broker, TOGETHER)
    async with Simulator([image], ports="os") as sim, sim.http("front") as http:
        together = await answers(
            [http.request(verb, path, **more) for verb, path, more in REQUESTS]
        )
    assert apart == together
    assert [status for status, _ in apart] == [200, 409, 500, 200, 200]


async def test_a_call_whose_deadline_has_passed_is_not_executed(boards: Pair) -> None:
    await boards.asleep()
    late = await boards.http.post("/hasty", json={"n": 3})
    assert late.status_code == 504
    # The time that is left of the deadline of 500 ms when the call begins.
    text = r"keeper\.add on box: it did not wake within (500|4\d\d) ms"
    assert re.fullmatch(text, late.json()["error"])
    assert 3 not in await boards.rows()
    assert boards.times(3) == 0


async def test_forged_and_recorded_calls_are_not_executed(boards: Pair) -> None:
    """The attacker has the broker's password, but not the cluster's key."""
    await boards.asleep()
    call = await boards.asks("POST", "/add", json={"n": 6})
    id = json.loads(boards.sent(NOTE)[-1])["id"]
    answers = f"torpor/test/answers/barn/{id}"
    await boards.spy.publish(answers, b'HTTP/1.1 200 ~0\r\n\r\n{"n": 99}' + bytes(16), retain=True)
    boards.wake()
    assert (await call).json()["n"] == 6
    (genuine,) = boards.sent(b"keeper.add", b'{"n": 6'.replace(b'{"n": ', b"["))
    line, _, frame = genuine.partition(b"\n")
    other_id = line.replace(id.encode(), b"0" * 16)
    changed = frame.replace(b"[6", b"[7")
    for message in (genuine, other_id + b"\n" + frame, line + b"\n" + changed):
        await boards.spy.publish(IN, message)
    await boards.asleep()
    await boards.spy.publish(IN, genuine)
    rows = await boards.rows()
    assert (rows.count(6), rows.count(7), boards.times(6)) == (1, 0, 1)
