"""Simulated boards behave as their port of MicroPython does, where the ports differ."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.sim import tiny
from torpor_sim import SimBoard, Simulator
from torpor_tools.model.image import Image
from torpor_tools.project.ports import load_port

CHIPS = {"esp": ("esp32", "ESP32"), "c3": ("esp32", "ESP32-C3"), "pico": ("rp2", "RP2040")}

# Prints what a call raises or returns.
TRY = """
import network, time

def attempt(name, function):
    try:
        result = function()
    except Exception as e:
        result = "%s(%s)" % (type(e).__name__, e.args[0] if e.args else "")
    print(name + ":", result)
"""
RADIO = """
wlan = network.WLAN(network.WLAN.IF_STA)
print("default name:", network.hostname())
print("default save:", wlan.config("pm") == wlan.PM_PERFORMANCE)
attempt("long name", lambda: network.hostname("x" * 33))
network.hostname("x" * 32)
network.hostname("first")
wlan.active(True)
network.hostname("second")
attempt("config before", lambda: wlan.config(pm=wlan.PM_POWERSAVE))
wlan.connect("home", "secret")
attempt("config while joining", lambda: wlan.config(pm=wlan.PM_NONE))
print("set all the same:", wlan.config("pm") == wlan.PM_NONE)
attempt("connect while joining", lambda: wlan.connect("home", "secret"))
attempt("networks while joining", lambda: len(wlan.scan()))
while not wlan.isconnected():
    time.sleep_ms(1)
attempt("config after", lambda: wlan.config(pm=wlan.PM_POWERSAVE))
attempt("networks after", lambda: len(wlan.scan()))
wlan.disconnect()
attempt("dhcp again", lambda: wlan.ifconfig("dhcp"))
attempt("no dns", lambda: wlan.ifconfig(("10.0.0.2", "255.0.0.0", "10.0.0.1", "0.0.0.0")))
attempt("a dns", lambda: wlan.ifconfig(("10.0.0.2", "255.0.0.0", "10.0.0.1", "10.0.0.1")))
attempt("dhcp", lambda: wlan.ifconfig("dhcp"))
attempt("channel", lambda: wlan.connect("home", "secret", channel=6))
print("done")
"""


def images(root: Path, source: str) -> list[Image]:
    """The same program on each of ``CHIPS``."""
    found = []
    for name, (port, chip) in CHIPS.items():
        where = tiny.plan(name, board_type=tiny.board(port, chip=chip))
        found.append(tiny.program(root / name, source, where))
    return found


def output_of(board: SimBoard) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in tiny.printed(board.log) if ": " in line)


async def test_the_radio_refuses_what_the_chip_refuses(tmp_path: Path) -> None:
    async with Simulator(images(tmp_path, TRY + RADIO)) as sim:
        for board in sim.boards:
            await board.wait_log("done")
        received = {board.name: output_of(board) for board in sim.boards}
        names = {board.name: board.announced for board in sim.boards}
    state, unknown = (
        "OSError(Wifi Internal State Error)",
        "RuntimeError(Wifi Unknown Error 0x{:04x})",
    )
    for name in CHIPS:
        esp = name != "pico"
        assert received[name] == {
            "default name": {"esp": "mpy-esp32", "c3": "mpy-esp32c3", "pico": "PicoW"}[name],
            "default save": "True",
            "long name": "ValueError()",
            "config before": "None",
            "config while joining": state if esp else "None",
            "set all the same": "True",
            "connect while joining": state if esp else "None",
            "networks while joining": "0" if esp else "1",
            "config after": "None",
            "networks after": "1",
            "dhcp again": unknown.format(0x5004) if esp else "None",
            "no dns": unknown.format(0x5001) if esp else "None",
            "a dns": "None",
            "dhcp": "None",
            "channel": "TypeError(extra keyword arguments given)" if esp else "None",
        }, name
    assert names == {"esp": "second", "c3": "second", "pico": "first"}


ERRORS = (
    TRY
    + """
import errno, socket
for name in dir(errno):
    if name[0] == "E":
        print(name + ":", getattr(errno, name))

def connecting():
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect(socket.getaddrinfo("127.0.0.1", PORT)[0][-1])

def not_connected():
    socket.socket().send(b"x")

attempt("connecting", connecting)
attempt("sending", lambda: socket.socket().send(b"x"))
print("done")
"""
)


async def test_errors_have_the_numbers_of_the_port(tmp_path: Path) -> None:
    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(server, "127.0.0.1", 0) as peer:
        source = ERRORS.replace("PORT", str(peer.sockets[0].getsockname()[1]))
        async with Simulator(images(tmp_path, source)) as sim:
            for board in sim.boards:
                await board.wait_log("done")
            received = {board.name: output_of(board) for board in sim.boards}
    for name, (port, _) in CHIPS.items():
        numbers = load_port(port).errno
        for key in numbers.keys() - {"ENFILE", "ENOSPC"}:
            assert received[name][key] == str(numbers[key]), (name, key)
        assert received[name]["connecting"] == f"OSError({numbers['EINPROGRESS']})"
    # The Unix port's own sockets say EPIPE here.
    assert {received[name]["sending"] for name in CHIPS} == {"OSError(32)"}


POOL = """
import errno, network, ntptime, select, socket, time

def listen(port):
    s = socket.socket()
    s.bind(("0.0.0.0", port))
    s.listen(4)
    s.setblocking(False)
    return s

def accept(s):
    poller = select.poll()
    poller.register(s, 1)
    poller.poll()
    try:
        return s.accept()[0]
    except OSError as e:
        return e.errno

network.hostname("pool")
wlan = network.WLAN(network.WLAN.IF_STA)
wlan.active(True)
wlan.connect("home", "secret")
while not wlan.isconnected():
    time.sleep_ms(1)
listeners = [listen(8001), listen(8002)]
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
print("listening")
held = [accept(listeners[0])]
print("accepted")
print("full:", accept(listeners[1]))
try:
    socket.socket()
except OSError as e:
    print("none:", e.errno)
try:
    ntptime.settime()
except OSError as e:
    print("no time:", e.errno)
udp.close()
ntptime.settime()
print("next:", type(accept(listeners[1])) != int)
print("done")
"""


async def test_listeners_and_connections_of_an_esp32_share_its_sockets(tmp_path: Path) -> None:
    where = tiny.plan(
        ports={"a": 8001, "b": 8002}, board_type=tiny.board("esp32", sockets=4, connections=9)
    )
    async with Simulator([tiny.program(tmp_path, POOL, where)], ports="os") as sim:
        board = sim.board("shed")
        await board.wait_log("listening")
        _, first = await asyncio.open_connection(board.place.address, board.place.ports[8001])
        await board.wait_log("accepted")
        dropped, second = await asyncio.open_connection(
            board.place.address, board.place.ports[8002]
        )
        assert await dropped.read() == b""  # it is gone, without an answer
        await board.wait_log("no time")
        _, third = await asyncio.open_connection(board.place.address, board.place.ports[8002])
        await board.wait_log("done")
        received = output_of(board)
        for writer in (first, second, third):
            writer.close()
            with contextlib.suppress(ConnectionResetError):
                await writer.wait_closed()
    assert received == {"full": "23", "none": "23", "no time": "23", "next": "True"}


LOOK = """
import socket, time
for name in ("barn.local", "gone.local", "BARN.local", "PicoW.local"):
    since = time.ticks_ms()
    try:
        socket.getaddrinfo(name, 8001)
        result = "found"
    except OSError as e:
        result = e.errno
    blocked = time.ticks_diff(time.ticks_ms(), since)
    print(name + ":", result, blocked >= 300)
print("done")
"""


@pytest.mark.parametrize("port", ["esp32", "rp2"])
async def test_a_name_is_found_only_if_its_board_announces_it(tmp_path: Path, port: str) -> None:
    barn = tiny.ANNOUNCE.replace("shed", "barn")
    nameless = "".join(line for line in barn.splitlines(True) if "hostname" not in line)
    boards = [
        tiny.program(tmp_path / "1", LOOK, tiny.plan("shed", board_type=tiny.board(port))),
        tiny.program(tmp_path / "2", barn, tiny.plan("barn")),
        tiny.program(tmp_path / "3", nameless, tiny.plan("gone")),
    ]
    # The first name is looked up while its board may still be joining.
    async with Simulator(boards, lookup_ms=300) as sim:
        board = sim.board("shed")
        await sim.board("barn").wait_trace("hostname")
        await sim.board("gone").wait_trace("hostname")
        await board.wait_log("done")
        mark = board.log.mark()
        await board.reset()
        await board.wait_log("done", since=mark)
        lines = [line.text for line in board.log.since(mark) if not line.level]
        looks = [e["found"] for e in board.trace if e["event"] == "lookup"]
    missing = load_port(port).names.not_found
    assert lines[-5:] == [
        "barn.local: found False",
        f"gone.local: {missing} True",
        "BARN.local: found False",
        "PicoW.local: found False",
        "done",
    ]
    assert looks[-4:] == [True, False, True, True]


async def test_a_failing_look_up_takes_as_long_as_on_the_chip(tmp_path: Path) -> None:
    source = LOOK.replace(">= 300", "// 100")
    boards = [
        tiny.program(tmp_path / name, source, tiny.plan(name, board_type=tiny.board(port)))
        for name, port in (("esp", "esp32"), ("pico", "rp2"))
    ]
    async with Simulator(boards, speed=40) as sim:
        for board in sim.boards:
            await board.wait_log("done", timeout=60)
        received = {board.name: output_of(board)["gone.local"].split() for board in sim.boards}
    for name, port in (("esp", "esp32"), ("pico", "rp2")):
        names = load_port(port).names
        error, tenths = map(int, received[name])
        assert error == names.not_found
        assert tenths >= names.local_ms // 100 - 1


TICKS = """
import select, socket, time
poller = select.poll()
poller.register(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 1)
since = time.ticks_us()
for n in range(8):
    poller.poll(3)
print("eight ticks:", time.ticks_diff(time.ticks_us(), since) >= 70000)
print("done")
"""


async def test_an_esp32_looks_at_its_sockets_once_a_tick(tmp_path: Path) -> None:
    where = tiny.plan(board_type=tiny.board("esp32"))
    async with Simulator([tiny.program(tmp_path, TICKS, where)]) as sim:
        board = sim.board("shed")
        await board.wait_log("done")
        assert output_of(board) == {"eight ticks": "True"}


EPOCH = """
import machine, time
now = int(time.time())
print("epoch:", time.gmtime(0)[0])
print("date:", time.gmtime(now)[:3] == time.gmtime()[:3] == time.localtime()[:3])
print("same in ns:", 0 <= time.time_ns() // 1000000000 - now <= 60)
print("back:", time.mktime(time.gmtime(now)) == now)
print("year of the clock:", machine.RTC().datetime()[0])
print("done")
"""


@pytest.mark.parametrize("speed", [1, 40])
async def test_seconds_count_from_the_epoch_of_the_port(tmp_path: Path, speed: int) -> None:
    year = datetime.now(UTC).year
    async with Simulator(images(tmp_path, EPOCH), speed=speed) as sim:
        for board in sim.boards:
            await board.wait_log("done")
            received = output_of(board)
            assert received.pop("epoch") == str(load_port(CHIPS[board.name][0]).time.epoch_year)
            assert year <= int(received.pop("year of the clock")) <= year + 1
            assert set(received.values()) == {"True"}, received


RESETS = """
import machine, time
try:
    with open("/run") as file:
        run = int(file.read()) + 1
except OSError:
    run = 0
with open("/run", "w") as file:
    file.write(str(run))
cause = machine.reset_cause()
names = [n for n in dir(machine) if n.endswith("_RESET") and getattr(machine, n) == cause]
print("run %d:" % run, names[0])
if run == 0:
    machine.reset()
if run == 1:
    machine.WDT(timeout=200)
    while True:
        time.sleep_ms(10)
if run == 2:
    machine.deepsleep(10)
try:
    machine.WDT(timeout=8389)
    print("a long watchdog: taken")
except ValueError:
    print("a long watchdog: refused")
print("done")
"""


async def test_the_causes_of_resets_are_those_of_the_port(tmp_path: Path) -> None:
    async with Simulator(images(tmp_path, RESETS)) as sim:
        for board in sim.boards:
            await board.wait_log("done", timeout=60)
            received = output_of(board)
            resets = load_port(CHIPS[board.name][0]).resets
            assert resets
            stated = [resets.reset, resets.watchdog, resets.deepsleep]
            assert [received[f"run {n}"] for n in (1, 2, 3)] == stated
            longest = resets.watchdog_ms or 1 << 30
            assert received["a long watchdog"] == ("taken" if longest >= 8389 else "refused")


SET = """
import time
from machine import RTC

def attempt(name, value):
    try:
        print(name, RTC().datetime(value))
    except (NotImplementedError, ValueError) as e:
        print(name, type(e).__name__, "clock.set(unix)" in str(e))

def at(seconds):
    t = time.gmtime(seconds)
    return (t[0], t[1], t[2], t[6], t[3], t[4], t[5], 0)

now = int(time.time())
attempt("now", at(now))
attempt("a little later", at(now + 5))
attempt("an hour later", at(now + 3600))
attempt("a day before", at(now - 86400))
attempt("2021", (2021, 1, 1, 4, 0, 0, 0, 0))
attempt("short", (2021, 1, 1))
print("done", RTC().datetime()[0] > 2024)
"""


@pytest.mark.parametrize("port", ["rp2", "esp32"])
async def test_a_clock_that_cannot_be_set_is_reported(tmp_path: Path, port: str) -> None:
    where = tiny.plan(board_type=tiny.board(port))
    async with Simulator([tiny.program(tmp_path, SET, where)]) as sim:
        await sim.board("shed").wait_log("done True")
        assert tiny.printed(sim.board("shed").log)[:-1] == [
            "now None",
            "a little later None",
            "an hour later NotImplementedError True",
            "a day before NotImplementedError True",
            "2021 NotImplementedError True",
            "short ValueError False",
        ]
