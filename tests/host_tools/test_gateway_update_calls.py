"""The gateway's calls to a sleeping board: which messages are sent when, and a wake's budget."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from torpor_tools.client import sign
from torpor_tools.client.rpc import CallError
from torpor_tools.gateway import update_calls as lines
from torpor_tools.gateway.message import Status
from torpor_tools.gateway.update_calls import CALLER, Line

KEY = bytes(32)
AWAKE, ASLEEP = Status("awake"), Status("asleep")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Board:
    """The side of the board, which answers each call that is sealed with its nonce."""

    def __init__(self) -> None:
        self.line = Line("torpor/test", "box", [KEY], self.take)
        self.notes: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []
        self.cleared: list[str] = []
        self.start = 0
        self.is_awake = False
        self.is_deaf = False
        self.status, self.body = 200, b"~0\r\n\r\n7"
        self.keys = [KEY]

    def take(self, topic: str, payload: bytes, retain: bool) -> None:
        if retain:
            self.cleared.append(topic)
            return
        assert topic == "torpor/test/box/in"
        line, _, frame = payload.partition(b"\n")
        head = json.loads(line)
        (self.calls if frame else self.notes).append(head)
        if self.is_awake and not self.is_deaf:
            asyncio.get_running_loop().call_soon(self.respond, head, frame)

    def respond(self, head: dict[str, Any], frame: bytes) -> None:
        nonce = f"{self.start:032x}"
        if not head.get("held", 1):
            return
        id = head["id"]
        codes = sign.pair(KEY, CALLER, "box", id, nonce)
        if not frame or not codes[0].check(frame):
            names = " ".join(map(sign.key_name, self.keys))
            self.line.receive(id, f"held {nonce} {names}".encode())
            return
        response = b"HTTP/1.1 %d %s" % (self.status, self.body)
        self.line.receive(id, codes[1].seal(response))

    def wake(self) -> None:
        self.start += 1
        self.is_awake = True
        self.line.receive_status(AWAKE)
        self.line.repeat()  # the broker delivers what waits

    def sleep(self) -> None:
        self.is_awake = False
        self.line.receive_status(ASLEEP)


async def turn() -> None:
    for _ in range(8):
        await asyncio.sleep(0)


async def test_a_call_waits_for_the_board_and_is_sealed_for_its_start() -> None:
    board = Board()
    call = asyncio.create_task(board.line.ask("update", do="status"))
    await turn()
    assert [note["held"] for note in board.notes] == [1]
    assert not board.calls
    board.wake()
    assert await call == 7
    assert await board.line.ask("update", do="status") == 7
    assert len(board.notes) == 2  # with its repetition; the second call needed none
    assert [call["safe"] for call in board.calls] == [1, 1]
    assert len(board.cleared) == 2  # the broker need not keep the answers
    board.wake()  # without a report of its sleep: calls sealed earlier are not valid
    assert await board.line.ask("update", do="status") == 7


async def test_errors_and_forgeries() -> None:
    board = Board()
    board.wake()
    for status, body, text in (
        (409, b'~3\r\n\r\n["it is on trial",null]', "409 it is on trial"),
        (500, b'~4\r\n\r\n"OSError"', "500 OSError"),
        (504, b'Gateway\r\n\r\n{"error":"too late"}', "504 too late"),
    ):
        board.status, board.body = status, body
        with pytest.raises(CallError, match=text):
            await board.line.ask("update")
    board.keys = [bytes(31) + b"\1"]
    board.start += 1
    with pytest.raises(CallError, match="knows none of the keys"):
        await board.line.ask("update")
    board.keys = [KEY]
    board.wake()
    board.is_deaf = True
    call = asyncio.create_task(board.line.ask("update"))
    await turn()
    board.line.receive(board.notes[-1]["id"], b"HTTP/1.1 200 ~0\r\n\r\n8" + bytes(16))
    await turn()
    assert not call.done()
    call.cancel()


async def test_a_board_whose_image_lacks_the_tool() -> None:
    board = Board()
    board.wake()
    board.status, board.body = 404, b'~5\r\n\r\n"box has no service "'
    with pytest.raises(CallError) as refused:
        await board.line.ask("update")
    assert refused.value.is_no_tool
    board = Board()
    call = asyncio.create_task(board.line.ask("update"))
    await turn()
    board.line.receive(board.notes[-1]["id"], b"held")  # it accepts no calls by mail at all
    with pytest.raises(CallError) as error:
        await call
    assert error.value.is_no_tool


async def test_a_call_that_was_given_up_is_withdrawn() -> None:
    board = Board()
    call = asyncio.create_task(board.line.ask("update"))
    await turn()
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert [note["held"] for note in board.notes] == [1, 0]
    board.line.receive(board.notes[0]["id"], b"held 00 00")  # it had asked before
    assert [note["held"] for note in board.notes] == [1, 0, 0]


async def test_lost_calls_are_sent_again() -> None:
    board = Board()
    board.wake()
    board.is_deaf = True
    call = asyncio.create_task(board.line.ask("update"))
    await turn()
    sent = len(board.notes)
    board.sleep()  # and the call had no response
    assert len(board.notes) == sent + 1
    board.line.receive_status(Status("awake", fresh="a"))  # the broker had lost the session
    assert len(board.notes) == sent + 2
    board.is_deaf = False
    board.wake()
    assert await call == 7


async def test_a_board_that_restarts_at_each_attempt_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    board = Board()
    monkeypatch.setattr(lines, "_MOST_SEALS", 3)
    call = asyncio.create_task(board.line.ask("update", do="check"))
    await turn()
    for start in range(4):
        board.line.receive(board.notes[0]["id"], f"held {start} {sign.key_name(KEY)}".encode())
    with pytest.raises(CallError, match="restarted 3 times before it had answered"):
        await call


@pytest.mark.parametrize("limit", ["WAKE_CALLS", "WAKE_BYTES", "WAKE_S"])
async def test_a_wake_has_a_budget(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    few = {"WAKE_CALLS": 3, "WAKE_BYTES": 700, "WAKE_S": 0.0}
    monkeypatch.setattr(lines, limit, few[limit])
    monkeypatch.setattr(lines, "_SETTLE_S", 0.0)
    board = Board()
    asked = 0

    async def work() -> None:
        nonlocal asked
        while True:
            await board.line.ask("update", do="put", data="x" * 100)
            asked += 1

    task = asyncio.create_task(work())
    wakes = []
    for _ in range(4):
        before = asked
        board.wake()
        for _ in range(30):
            await turn()
        wakes.append(asked - before)
        board.sleep()
        await asyncio.sleep(0.01)
    task.cancel()
    assert all(0 < calls <= 3 for calls in wakes), wakes
