"""Nobody can call a peer's method without the cluster's key: 10,000 attempts, none succeeds.

``make test`` tries a tenth of them, ``make soak`` all.
"""

from __future__ import annotations

import random
import re
import socket
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.helpers.running import Running, running
from tests.helpers.several import KEY, Caller, write_boards
from torpor_tools.client import rpc, sign
from torpor_tools.contracts.fingerprint import method_fingerprint

VAULT = """
from torpor import Service, get


class Vault(Service):
    async def start(self) -> None:
        self.opened = 0

    async def open(self, by: str) -> int:
        self.opened += 1
        return self.opened

    @get("/opened")
    async def count(self) -> dict:
        return {"opened": self.opened}
"""
FLIPS = 6000
FORGED = 2000
REPLAYED = 2000
some_or_all = pytest.mark.parametrize("part", [0.1, pytest.param(1.0, marks=pytest.mark.soak)])


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root = write_boards(tmp_path_factory.mktemp("vault"), {"vault": VAULT}, {"bank": ["vault"]})
    with running(root, types=False) as run:
        yield run


@pytest.fixture(scope="module")
def mark(board: Running) -> str:
    contract = board.sim.board("bank").image.board.service("vault").contract
    return method_fingerprint(next(m for m in contract.methods if m.name == "open"))


@pytest.fixture
def opened(board: Running) -> Callable[[], int]:
    def ask() -> int:
        with board.client("vault") as http:
            return int(http.get("/opened").json()["opened"])

    return ask


def is_401(caller: Caller) -> bool:
    """Return whether the board answers 401."""
    _, status, kind, _ = caller.answer()
    return (status, kind) == (401, rpc.REFUSED)


def refused(caller: Caller) -> bool:
    """Return whether the board answers 401 and closes."""
    right = is_401(caller)
    caller.sock.shutdown(socket.SHUT_WR)  # it waits a moment for bytes that are still on their way
    caller.sock.settimeout(5)
    return right and caller.sock.recv(1) == b""


def genuine(caller: Caller, number: int, mark: str) -> bytes:
    return caller.calls.seal(rpc.encode_call(number, 5000, mark, "vault.open", ["Ada"]))


def test_a_call_with_the_key_succeeds(board: Running, mark: str, opened: Callable[[], int]) -> None:
    before = opened()
    caller = Caller(board, "vault", "bank")
    caller.send(1, "vault.open", ["Ada"], mark)
    assert caller.answer() == (1, 200, rpc.VALUE, str(before + 1).encode())
    caller.close()
    assert opened() == before + 1


@some_or_all
def test_a_flipped_bit_is_401(
    board: Running, mark: str, opened: Callable[[], int], part: float
) -> None:
    before = opened()
    chance = random.Random(7)
    tried = 0
    while tried < FLIPS * part:
        caller = Caller(board, "vault", "bank")
        frame = bytearray(genuine(caller, 1, mark))
        # A changed length makes the board wait for more bytes; the others are refused at once.
        bit = chance.randrange(32, 8 * len(frame))
        frame[bit // 8] ^= 1 << bit % 8
        caller.sock.sendall(frame)
        assert is_401(caller), f"bit {bit}"
        caller.close()
        tried += 1
    assert opened() == before


@some_or_all
def test_a_code_without_the_key_is_401(
    board: Running, mark: str, opened: Callable[[], int], part: float
) -> None:
    before = opened()
    chance = random.Random(8)
    for attempt in range(round(FORGED * part)):
        caller = Caller(board, "vault", "bank")
        frame = genuine(caller, 1, mark)[: -sign.CODE]
        if attempt % 2:
            other = sign.pair(chance.randbytes(32), "host", "bank", caller.ours, caller.theirs)
            caller.sock.sendall(other[0].seal(frame))
        else:
            caller.sock.sendall(frame + chance.randbytes(sign.CODE))
        assert is_401(caller)
        caller.close()
    assert opened() == before


@some_or_all
def test_a_replayed_call_is_401(
    board: Running, mark: str, opened: Callable[[], int], part: float
) -> None:
    before = opened()
    first = Caller(board, "vault", "bank")
    recorded = genuine(first, 1, mark)
    first.sock.sendall(recorded)
    assert first.answer()[1] == 200
    first.sock.sendall(recorded)  # on the same connection
    assert refused(first)
    first.close()
    for _ in range(round(REPLAYED * part) - 1):  # on another one
        caller = Caller(board, "vault", "bank")
        caller.sock.sendall(recorded)
        assert is_401(caller)
        caller.close()
    assert opened() == before + 1


def test_a_call_out_of_sequence_is_401(board: Running, mark: str) -> None:
    for number in (0, 2, 3, 1 << 31):
        caller = Caller(board, "vault", "bank")
        caller.sock.sendall(genuine(caller, number, mark))
        assert refused(caller), number
        caller.close()


def test_an_answer_is_not_accepted_as_a_call(board: Running, mark: str) -> None:
    caller = Caller(board, "vault", "bank")
    caller.sock.sendall(caller.answers.seal(rpc.encode_call(1, 5000, mark, "vault.open", ["x"])))
    assert refused(caller)
    caller.close()


def test_a_call_meant_for_another_board_is_401(board: Running, mark: str) -> None:
    caller = Caller(board, "vault", "bank")
    led = sign.pair(KEY, "host", "other", caller.ours, caller.theirs)[0]
    caller.sock.sendall(led.seal(rpc.encode_call(1, 5000, mark, "vault.open", ["Ada"])))
    assert refused(caller)
    caller.close()


def test_a_recorded_call_is_also_401_after_a_restart(
    board: Running, mark: str, opened: Callable[[], int]
) -> None:
    import asyncio

    first = Caller(board, "vault", "bank")
    recorded = genuine(first, 1, mark)
    first.sock.sendall(recorded)
    assert first.answer()[1] == 200
    first.close()
    reset = board.sim.board("bank").reset()
    asyncio.run_coroutine_threadsafe(reset, board.loop).result(60)
    for _ in range(50):
        caller = Caller(board, "vault", "bank")
        caller.sock.sendall(recorded)
        assert refused(caller)
        caller.close()
    assert opened() == 0


def test_an_invalid_call_of_a_trusted_peer_fails_alone(
    board: Running, mark: str, opened: Callable[[], int]
) -> None:
    """docs/wire.md: a genuine call is executed as it is; one that cannot be executed is a bug."""
    starts = board.sim.board("bank").starts  # other tests restart it
    caller = Caller(board, "vault", "bank")
    before = opened()
    caller.send(1, "vault.open", [5], mark)  # the contract has str
    assert caller.answer() == (1, 200, rpc.VALUE, str(before + 1).encode())
    whole = rpc.encode_call(0, 5000, mark, "vault.open", ["x"])
    for number, body in enumerate(
        (
            *(b"vault.open \n[", b"vault.open \n{1:2}", b"vault.open \n\xff", b"vault.open \n5"),
            *(b"vault.open", b"", b"\n", b"vault \n[]", b"a.b.c \n[]", b"vault.open  a b\n[]"),
        ),
        2,
    ):
        head = (16 + len(body) + sign.CODE).to_bytes(4) + number.to_bytes(4) + whole[8:16]
        caller.sock.sendall(caller.calls.seal(head + body))
        answered, status, kind, _ = caller.answer()
        assert (answered, kind) in ((number, rpc.BUG), (number, rpc.REFUSED)), body
        assert status in (404, 409, 500), body
    caller.send(12, "vault.open", ["Ada"], mark)
    assert caller.answer() == (12, 200, rpc.VALUE, str(before + 2).encode())
    caller.close()
    assert board.sim.board("bank").starts == starts


def test_an_unknown_key_is_401(board: Running) -> None:
    caller = Caller(board, "vault", "bank", key=bytes(32))
    assert caller.status == 401
    caller.close()


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/~"),
        ("POST", "/~"),
        ("POST", "/~/vault/open"),
        ("POST", "/~/vault/open/"),
        ("PUT", "/~/vault/open"),
        ("DELETE", "/~/vault"),
        ("GET", "/%7E/vault/open"),
    ],
)
def test_a_plain_request_is_401(board: Running, method: str, path: str) -> None:
    with board.client("vault") as http:
        answer = http.request(method, path, json={"by": "Eve"} if method != "GET" else None)
    assert answer.status_code in (401, 404 if path.endswith("/") else 401)


def test_wrong_greetings_are_401(board: Running) -> None:
    whole = rpc.hello("bank", "host", sign.key_name(KEY), sign.nonce()).decode()
    for pattern, instead in (
        (r"Upgrade: torpor/1", "Upgrade: websocket"),
        (r"Torpor-Nonce: \w+", "Torpor-Nonce: 1"),
        (r"Torpor-Nonce: .*\r\n", ""),
        (r"Torpor-Board: .*\r\n", ""),
        (r"Torpor-Board: \w+", "Torpor-Board: " + 64 * "x"),
        (r"Torpor-Key: .*\r\n", ""),
        (r"GET /~", "GET /~/x"),
    ):
        request = re.sub(pattern, instead, whole)
        assert request != whole
        assert board.exchange("vault", request.encode()).startswith(b"HTTP/1.1 401"), pattern


def test_a_method_without_a_route_cannot_be_called_over_http(board: Running) -> None:
    with board.client("vault") as http:
        assert http.get("/open").status_code == 404
        assert http.post("/vault.open", json={"by": "Eve"}).status_code == 404


def test_connections_without_a_call_are_evicted(board: Running) -> None:
    """Anybody can send a greeting, so connections without a call must not keep others out."""
    idle = [Caller(board, "vault", "bank") for _ in range(4)]
    with board.client("vault") as http:
        assert http.get("/opened").status_code == 200
    for caller in idle:
        caller.close()


def test_a_too_long_frame_is_401_before_it_is_read(board: Running) -> None:
    caller = Caller(board, "vault", "bank")
    caller.sock.sendall((1 << 20).to_bytes(4))
    assert refused(caller)
    caller.close()


def test_httpx_sees_only_401(board: Running) -> None:
    with pytest.raises(httpx.HTTPStatusError), board.client("vault") as http:
        http.get("/~").raise_for_status()
