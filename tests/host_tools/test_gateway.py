"""The gateway's parts without I/O, its broker, and what the build reports about a mailbox."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers.brokers import LOGIN, Broker, free_port
from tests.helpers.mail import write
from tests.helpers.running import write_cluster
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError
from torpor_tools.gateway import Gateway, message
from torpor_tools.gateway.events import ALIVE, MOST, Events
from torpor_tools.gateway.message import Answer, Status
from torpor_tools.gateway.nats import is_needed
from torpor_tools.gateway.parking import Wishes
from torpor_tools.gateway.parking_state import LostError, Parked
from torpor_tools.link import build
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


def test_a_head_has_no_line_that_is_for_the_gateway() -> None:
    headers = [(b"host", b"x"), (b"prefer", b"wait=1"), (b"connection", b"close"), (b"x-a", b"b")]
    assert message.head("GET", b"/a?b=c", headers, 0) == b"GET /a?b=c HTTP/1.1\r\n" + (
        b"host: x\r\nx-a: b\r\n\r\n"
    )
    # HTTP/1.1 to the board needs a Host, which a client of HTTP/1.0 may leave out.
    assert message.head("PUT", b"/", [], 3).endswith(b"\r\nContent-Length: 3\r\nHost:\r\n\r\n")


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (
            b"HTTP/1.1 200 OK\r\nX-A: b\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
            Answer(200, ((b"x-a", b"b"),), b"hi"),
        ),
        (
            b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n",
            Answer(201, (), b"hi!"),
        ),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, (), b"")),
    ],
)
def test_answers(data: bytes, answer: Answer) -> None:
    assert message.answer(data) == answer


@pytest.mark.parametrize(
    "data", [b"nonsense", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi", b""]
)
def test_invalid_answers(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        message.answer(data)


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b'{"state": "awake", "address": "10.0.0.7"}', Status("awake", "10.0.0.7")),
        (b'{"state": "asleep", "ms": 5000}', Status("asleep", "", 105)),
        (b'{"state": "asleep", "ms": 5000, "at": 90}', Status("asleep", "", 95)),
        (b'{"state": "asleep", "ms": 5000, "at": 99999}', Status("asleep", "", 105)),  # wrong clock
        (b'{"state": "asleep", "ms": -1}', Status("asleep")),
        (b'{"state": "awake", "fresh": "a1"}', Status("awake", fresh="a1")),
        (b'{"state": "awake", "connection": "c1"}', Status("awake", connection="c1")),
    ],
)
def test_status_messages_of_a_board(data: bytes, status: Status) -> None:
    assert message.status(data, 100) == status


@pytest.mark.parametrize("data", [b"", b"[]", b'{"state": "drunk"}', b'{"state": "lost"}'])
def test_invalid_status_messages(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        message.status(data, 100)


def test_a_lost_connection_of_a_board(tmp_path: Path) -> None:
    broker = Broker("nats", tmp_path / "broker")
    plan = write(tmp_path / "cluster", broker)
    gateway = Gateway(plan, broker.where, LOGIN, tmp_path / "gateway")
    boards = gateway.parked.boards

    def lost(connection: str) -> None:
        gateway._receive("torpor/test/box/lost", connection.encode())

    def status(state: str, connection: str) -> None:
        text = f'{{"state": "{state}", "ms": 5000, "connection": "{connection}"}}'
        gateway._receive("torpor/test/box/status", text.encode())

    lost("a")  # it broke off before the board had subscribed
    assert not boards
    status("awake", "b")
    assert boards["box"].state == "awake"
    lost("a")  # a retained message of an earlier connection
    assert boards["box"].state == "awake"
    lost("b")
    assert boards["box"].state == "lost"
    status("asleep", "b")  # a new connection of the gateway gets it after the will
    assert boards["box"] == Status("lost", connection="b")
    status("asleep", "c")
    assert boards["box"].state == "asleep"


def test_preferences() -> None:
    assert Wishes.of([(b"prefer", b"respond-async, wait=10")]) == Wishes(True, 10)
    assert Wishes.of([(b"prefer", b"wait=0")]) == Wishes(False, 0)
    assert Wishes.of([(b"prefer", b"wait=soon"), (b"accept", b"wait=3")]) == Wishes()


@pytest.mark.parametrize("text", ["\u00b3", "-1", "1.5", "1e3", "", " ", "inf", "nan", "9" * 5000])
def test_a_wait_that_is_not_a_number_of_seconds(text: str) -> None:
    assert Wishes.of([(b"prefer", b"wait=" + text.encode("latin-1"))]) == Wishes()


def test_old_answers_are_forgotten() -> None:
    now = 100.0
    parked = Parked(keep_s=10, most=2, clock=lambda: now)
    for n in range(3):
        parked.answered(str(n), Answer(200, (), b""))
    assert list(parked.outdated()) == ["0"]
    now = 111
    assert list(parked.outdated()) == ["1", "2"]
    assert parked.answer("2") is None


def test_a_board_is_full_until_requests_are_answered_or_out_of_time() -> None:
    now = 100.0
    parked = Parked(limit=2, clock=lambda: now)
    for n in range(2):
        with parked.parking("box", str(n), until=110 + 10 * n):
            pass
    assert parked.is_full("box")
    parked.answered("1", Answer(200, (), b""))
    assert not parked.is_full("box")
    with pytest.raises(OSError, match="broker"), parked.parking("box", "2", 200):
        raise OSError("the broker is gone")
    assert list(parked.waiting["box"]) == ["0"]
    now = 111
    assert not parked.is_full("box")
    assert not parked.waiting["box"]


def test_a_request_is_taken_when_the_broker_has_acknowledged_it() -> None:
    parked = Parked()
    with pytest.raises(OSError, match="gone"), parked.parking("box", "a", 2e9):
        raise OSError("gone")
    assert not parked.is_taken("box", "a")
    assert not parked.waits("box")
    with parked.parking("box", "a", 2e9):
        with pytest.raises(OSError, match="gone"), parked.parking("box", "a", 2e9):
            raise OSError("gone")
        assert parked.waits("box") == 1
        assert not parked.is_taken("box", "a")
    assert parked.is_taken("box", "a")
    with pytest.raises(OSError, match="gone"), parked.parking("box", "a", 2e9):
        raise OSError("gone")
    assert parked.is_taken("box", "a")
    parked.answered("a", Answer(200, (), b""))
    assert not parked.is_taken("box", "a")
    with parked.parking("box", "b", 2e9):
        parked.answered("b", Answer(200, (), b""))
    assert not parked.is_taken("box", "b")
    assert not parked.waits("box")


async def test_requests_that_a_broker_has_lost() -> None:
    parked = Parked()
    for id in "ab":
        with parked.parking("box", id, 2e9):
            pass
    waiter = asyncio.create_task(parked.wait("a", 20))
    await asyncio.sleep(0)
    assert parked.lose("box") == 2
    with pytest.raises(LostError):
        await waiter
    with pytest.raises(LostError):  # it was lost while it was being published
        await parked.wait("b", 20)
    parked.answered("b", Answer(200, (), b""))  # but was not
    assert not parked.is_lost("b")
    with parked.parking("box", "a", 2e9):  # a client tries again
        assert not parked.is_lost("a")


def test_requests_that_the_gateway_holds_count_as_waiting() -> None:
    parked = Parked(limit=1)
    with parked.holding("box", "a", 2e9) as asked:
        assert parked.is_full("box")
        assert (parked.waits("box"), parked.held("box")) == (1, ["a"])
        assert parked.ask("a") is None
        assert asked.is_set()
    with pytest.raises(OSError, match="client"), parked.holding("box", "b", 2e9):
        raise OSError("the client has hung up")
    assert not parked.is_full("box")
    assert parked.ask("b") == "box"
    assert parked.ask("b") is None


def test_keys_are_forgotten_after_a_day() -> None:
    now = 100.0
    parked = Parked(clock=lambda: now)
    parked.keys["a"] = ("x", 200)
    now = 200 + 86_400
    assert list(parked.outdated()) == []
    now += 1
    assert list(parked.outdated()) == ["a"]
    assert not parked.keys


async def test_all_waiting_clients_get_the_first_answer() -> None:
    parked = Parked()
    waiters = [asyncio.create_task(parked.wait("a", 20)) for _ in range(3)]
    assert await parked.wait("a", 0) is None
    await asyncio.sleep(0)
    parked.answered("a", Answer(200, (), b"first"))
    parked.answered("a", Answer(200, (), b"second"))
    assert {answer.body for answer in await asyncio.gather(*waiters) if answer} == {b"first"}


async def test_it_starts_a_broker_if_there_is_none(tmp_path: Path) -> None:
    broker = Broker("nats", tmp_path / "unused")  # its port is free
    plan = write(tmp_path / "cluster", broker, source=SOURCE)
    assert is_needed(broker.where)
    async with Gateway(plan, broker.where, LOGIN, tmp_path / "not", bind="127.0.0.1", ports={}):
        assert is_needed(broker.where)  # another program's broker is down: ours may take its place
    async with Gateway(
        plan, replace(broker.where, own=True), LOGIN, tmp_path / "own", bind="127.0.0.1", ports={}
    ) as gateway:
        await gateway.broker.connected.wait()
        assert not is_needed(broker.where)
    assert is_needed(broker.where)
    assert not is_needed(from_url("mqtt://192.0.2.1"))  # TEST-NET-1: none of our addresses


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://nas", "not the address of an MQTT broker"),
        ("mqtt://", "not the address of an MQTT broker"),
        ("mqtt://nas:99999", "not the address of an MQTT broker"),
        ("mqtt://me:secret@nas", "user and password do not belong"),
        ("mqtt://nas", "would accept requests for box from anyone"),
        ("mqtts://127.0.0.1", "cannot verify the broker at 127.0.0.1"),
    ],
)
def test_mailboxes_that_are_refused(tmp_path: Path, url: str, expected: str) -> None:
    toml = write_cluster(tmp_path, {"items": SOURCE}) / "cluster.toml"
    more = f'\n[mailbox]\nurl = "{url}"\n[boards.box.power]\npolicy = "deep"\nwake_every = "1m"\n'
    toml.write_text(toml.read_text() + more)
    with pytest.raises(UserError) as raised:
        build(load_plan(tmp_path), "box", tmp_path / "build", types=False)
    assert expected in str(raised.value)
    assert "secret" not in str(raised.value).replace("secrets.toml", "")
    assert raised.value.problems[0].where
    assert raised.value.problems[0].remedy


def test_it_reports_who_starts_the_broker(tmp_path: Path) -> None:
    toml = write_cluster(tmp_path, {"items": SOURCE}) / "cluster.toml"
    text = toml.read_text()
    toml.write_text(text + '\n[mailbox]\ngateway = "192.168.1.5"\n')
    broker = load_plan(tmp_path).cluster.mailbox
    assert broker
    assert (broker.url, broker.own) == ("mqtt://192.168.1.5:1883", True)
    for wrong in ("", 'url = "mqtt://a"\ngateway = "b"'):
        toml.write_text(text + f"\n[mailbox]\n{wrong}\n")
        with pytest.raises(UserError, match="needs the broker's url, or"):
            load_plan(tmp_path)


@pytest.mark.parametrize(
    ("board", "power", "expected"),
    [
        ("RPI_PICO_W", 'policy = "doze"', "would keep it awake"),
        ("UNIX", None, "cannot have a mailbox"),
    ],
)
def test_boards_that_do_not_need_a_mailbox(
    tmp_path: Path, board: str, power: str | None, expected: str
) -> None:
    toml = write_cluster(tmp_path, {"items": SOURCE}, board) / "cluster.toml"
    text = toml.read_text().replace("services =", "mailbox = true\nservices =")
    text += '\n[mailbox]\nurl = "mqtt://127.0.0.1"\n'
    toml.write_text(text + (f"[boards.box.power]\n{power}\n" if power else ""))
    with pytest.raises(UserError, match=expected):
        load_plan(tmp_path)


def test_it_is_in_no_other_image(tmp_path: Path) -> None:
    root = write_cluster(tmp_path, {"items": SOURCE})
    plain = build(load_plan(root), "box", tmp_path / "plain", types=False)
    assert not list(plain.tree.glob("torpor/mqtt/*"))
    toml = root / "cluster.toml"
    more = f'\n[mailbox]\nurl = "mqtt://127.0.0.1:{free_port()}"\n'
    toml.write_text(toml.read_text().replace("services =", "mailbox = true\nservices =") + more)
    image = build(load_plan(root), "box", tmp_path / "mail", types=False)
    assert (image.tree / "torpor/mqtt/mailbox.mpy").exists()
    print("bytes of a mailbox:", image.sizes.total - plain.sizes.total)


async def test_a_slow_client_learns_how_many_events_it_missed() -> None:
    clients = Events()
    stream = clients.stream(["Opened"])
    assert await anext(stream) == ALIVE
    for n in range(MOST + 3):
        clients.receive("Opened", b'{"n":\n%d}' % n)
        clients.receive("Closed", b"{}")
    pieces = (await anext(stream)).decode().split("\n\n")
    assert pieces[0] == 'event: Opened\ndata: {"n": 0}'
    assert pieces[MOST - 1].endswith(f'{{"n": {MOST - 1}}}')
    assert pieces[MOST:] == ["event: ~dropped\ndata: 3", ""]
    await stream.aclose()
    clients.receive("Opened", b"{}")  # no client is left to receive it
    assert clients.count == 0
