"""The address and the ports of a board, and the errors when they are taken."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers.free_ports import free_base
from tests.sim import tiny
from torpor_sim.ports import Mode, Place, Ports
from torpor_tools.errors import UserError
from torpor_tools.model.plan import BoardPlan

SHED = tiny.plan("shed", {"sensors": 8001, "readings": 8002, "store": None})
BARN = tiny.plan("barn", {"door": 8001})


@pytest.fixture
def ports() -> Iterator[Ports]:
    held = Ports(bind=None, base=None, mode="os")
    yield held
    held.close()


def test_each_board_has_its_own_address(ports: Ports) -> None:
    places = ports.place([SHED, BARN])
    assert places["shed"].address == "127.0.1.1"
    assert places["barn"].address == "127.0.1.2"
    assert places["shed"].ports.keys() == {8001, 8002}
    assert places["barn"].url(8001) == f"http://127.0.1.2:{places['barn'].ports[8001]}"


def test_more_boards_than_a_net_holds(ports: Ports) -> None:
    boards = [tiny.plan(f"b{i}") for i in range(256)]
    addresses = [place.address for place in ports.place(boards).values()]
    assert addresses[253:] == ["127.0.1.254", "127.0.2.1", "127.0.2.2"]


def test_ports_are_kept_while_needed_and_then_released(ports: Ports) -> None:
    before = ports.place([SHED])["shed"]
    more = tiny.plan("shed", {"sensors": 8001, "alerts": 8003})
    after = ports.place([more])["shed"]
    assert after.ports[8001] == before.ports[8001]
    assert after.ports.keys() == {8001, 8003}
    with socket.socket() as anybody:
        anybody.bind((before.address, before.ports[8002]))


def test_only_the_board_may_listen_on_its_reserved_port(ports: Ports) -> None:
    place = ports.place([SHED])["shed"]
    address = (place.address, place.ports[8001])
    with socket.socket() as stranger, pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
        stranger.bind(address)
    for _ in range(2):  # and again after a restart
        with socket.socket() as board:
            board.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            board.bind(address)
            board.listen()


def _fails(message: str, *, bind: str | None = None, base: int | None = None, mode: Mode) -> None:
    ports = Ports(bind=bind, base=base, mode=mode)
    try:
        with pytest.raises(UserError, match=message):
            ports.place([SHED, BARN])
    finally:
        ports.close()


def _numbered(*boards: BoardPlan) -> tuple[dict[str, Place], int]:
    for _ in range(50):  # somebody may take one of the ports
        base = _free_port()
        numbered = Ports(bind="127.0.0.1", base=base, mode="fixed")
        try:
            return numbered.place(boards), base
        except UserError:
            continue
        finally:
            numbered.close()
    raise AssertionError("no free ports")


def test_ports_are_numbered_in_the_order_of_the_gateway() -> None:
    """Ports are ordered by the services' ports; a port of two boards is last."""
    shed = tiny.plan("shed", {"late": 8002, "early": 8001})
    barn = tiny.plan("barn", {"door": 8001, "last": 8003, "own": None})
    places, base = _numbered(shed, barn)
    named = sorted({s.port for board in (shed, barn) for s in board.services if s.port})
    gateway = {port: base + n for n, port in enumerate(named)}
    assert places["shed"].ports == {8001: gateway[8001], 8002: gateway[8002]}
    assert places["barn"].ports == {8003: gateway[8003], 8001: base + 3}


def test_ports_can_be_numbered_from_a_base() -> None:
    places, base = _numbered(SHED, BARN)
    assert places["shed"].ports == {8001: base, 8002: base + 1}
    assert places["barn"].ports == {8001: base + 2}
    assert places["barn"].url(8001) == f"http://127.0.0.1:{base + 2}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def test_all_ports_that_are_taken_are_reported_at_once(ports: Ports) -> None:
    place = ports.place([SHED])["shed"]
    with socket.socket() as one, socket.socket() as two:
        for taken, number in ((one, place.ports[8001]), (two, place.ports[8002])):
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind((place.address, number))
            taken.listen()
        wanted = tiny.plan("shed", {"a": place.ports[8001], "b": place.ports[8002]})
        others = Ports(bind=None, base=None, mode="fixed")
        with pytest.raises(UserError) as message:
            others.place([wanted])
        others.close()
    assert len(message.value.problems) == 2
    assert f"port {place.ports[8001]} on 127.0.1.1 (a on shed) is taken" in str(message.value)
    assert "--port-base" in str(message.value)


def test_two_boards_on_one_address_need_a_base() -> None:
    number = _free_port()
    ports = Ports(bind="127.0.0.9", base=None, mode="fixed")
    with pytest.raises(
        UserError, match=f"boards shed and barn both have port {number} on 127.0.0.9"
    ):
        ports.place([tiny.plan(name, {"door": number}) for name in ("shed", "barn")])
    ports.close()


def test_an_address_that_this_computer_does_not_have() -> None:
    _fails("does not have the address 203.0.113.7", bind="203.0.113.7", mode="os")


def test_a_number_that_is_not_a_port() -> None:
    _fails("cannot use port 65536", bind="127.0.0.9", base=65534, mode="fixed")


class OneAddress(socket.socket):
    """A socket of a computer whose loopback interface has one address, as that of macOS."""

    def bind(self, address: Any, /) -> None:
        if address[0] != "127.0.0.1":
            raise OSError(errno.EADDRNOTAVAIL, "Can't assign requested address")
        super().bind(address)


@pytest.mark.parametrize("mode", ["fixed", "os"])
def test_boards_share_the_one_address_of_a_mac(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_base()
    boards = [tiny.plan(name, {f"of_{name}": port}) for name in ("shed", "barn", "attic")]
    monkeypatch.setattr(socket, "socket", OneAddress)
    shared = Ports(bind=None, base=None, mode=mode)
    places = shared.place(boards)
    again = shared.place(boards)
    shared.close()
    assert places == again
    assert {place.address for place in places.values()} == {"127.0.0.1"}
    numbers = [place.ports[port] for place in places.values()]
    assert len(set(numbers)) == 3
    if mode == "fixed":
        assert numbers == [port, port + 1000, port + 2000]
