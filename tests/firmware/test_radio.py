"""Parts of the runtime that use the network, alone in MicroPython, on a network that fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FIRMWARE = Path(__file__).parents[2] / "firmware"
MICROPYTHON = Path(sys.executable).with_name("micropython")
Edit = tuple[str, str, str]  # file, right text in it, text with a mistake


def micropython(
    root: Path, files: list[str], stubs: dict[str, str], program: str, *edits: Edit
) -> Any:
    """Run ``program`` next to copies of ``files`` and stand-ins for the rest of the runtime.

    Returns the JSON value of its last line.
    """
    sources = {file: (FIRMWARE / file).read_text() for file in files} | stubs
    for file, right, wrong in edits:
        assert sources[file].count(right) == 1, f"{file} has changed: {right!r}"
        sources[file] = sources[file].replace(right, wrong)
    for file, text in sources.items():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_text(text)
    (root / "program.py").write_text(program)
    done = subprocess.run(
        [MICROPYTHON, "program.py"], cwd=root, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


CLOCK = """
now = 0

def ticks():
    return now

uptime_ms = ticks

def since(start):
    return now - start
"""
# A look-up of an address takes 10 ms, one that fails ``blocks``.
NAMES = """
import json, socket as native, sys

class socket:
    SOCK_STREAM = native.SOCK_STREAM

    def getaddrinfo(host, port, family, kind):
        clock.now += blocks if host in missing else 10
        looked.append(clock.now)
        if host in missing:
            raise OSError(-202)
        return [(2, 1, 0, "", (host, port))]

sys.modules["socket"] = socket
from torpor import clock, sockets

looked, missing, blocks = [], set(), 5000

def found(host):
    try:
        return sockets.look_up(host, 80)
    except OSError:
        return None

def attempts(host, ms, until):
    while clock.now < until:
        found(host)
        clock.now += ms
    return looked
"""
STUBS = {"torpor/__init__.py": "", "torpor/clock.py": CLOCK, "torpor/loop.py": ""}


def names(root: Path, program: str, *edits: Edit) -> Any:
    return micropython(root, ["torpor/sockets.py"], STUBS, NAMES + program, *edits)


def test_a_known_address_is_not_looked_up_again(tmp_path: Path) -> None:
    program = """
for _ in range(100):
    assert found("a") == ("a", 80)
print(json.dumps([len(looked), found("b") and len(looked)]))
"""
    assert names(tmp_path, program) == [1, 2]


def test_a_peer_that_is_off_does_not_block_the_board_repeatedly(tmp_path: Path) -> None:
    program = """
clock.now = 100_000
missing.add("gone")
attempts("gone", 100, 400_000)
print(json.dumps(looked))
"""
    looked = names(tmp_path, program)
    assert 5000 * len(looked) <= 300_000 // 12, looked  # at most about a sixteenth of the time
    assert len(looked) >= 3  # but it is found when it is back
    undone = names(
        tmp_path, program, ("torpor/sockets.py", "clock.uptime_ms() >= entry[2]", "True")
    )
    assert 5000 * len(undone) > 250_000


def test_boards_that_start_together_find_each_other_soon(tmp_path: Path) -> None:
    program = """
missing.add("late")
attempts("late", 100, 20_000)
missing.clear()
began = clock.now
while not found("late"):
    clock.now += 100
print(clock.now - began)
"""
    assert names(tmp_path, program) <= 5200


def test_an_address_that_has_changed_is_found(tmp_path: Path) -> None:
    program = """
assert found("a")
sockets.note_unreachable("a", 80)
assert found("a")  # it may be restarting
soon = len(looked)
clock.now += 10_000
missing.add("a")
old = found("a")  # nobody answers to the name, and the old address may still be right
missing.clear()
clock.now += 200_000
found("a")
found("a")
print(json.dumps([soon, old, len(looked)]))
"""
    assert names(tmp_path, program) == [1, ["a", 80], 3]


# Which calls of the radio fail, and how.
RADIO = """
import json, sys

class Wlan:
    def __init__(self):
        self.calls = []

    def __getattr__(self, name):
        def call(*args, **options):
            self.calls.append(name)
            if name == "ifconfig" and not args:
                return ("10.0.0.2", "255.0.0.0", "10.0.0.1", dns)
            if name in failing and self.calls.count(name) <= failing[name]:
                raise error("Wifi Unknown Error 0x3001")
            if name == "scan":
                return [(b"home", b"123456", 6, -50, 3, False)]
        return call

from torpor import wifi

def joins(quick):
    wlan = wifi._wlan = Wlan()
    wifi._connect(quick)
    return wlan.calls
"""
RUNTIME = {"torpor/loop.py": ""}
RADIO_STUBS = (
    STUBS
    | RUNTIME
    | {
        "torpor/secrets.py": 'def read(name):\n    return {"ssid": "home", "password": "key"}\n',
        "torpor/log.py": "class Log:\n    def __init__(self, name): pass\n"
        "    def warning(self, *text): print(*text)\n    info = warning\n",
        "torpor/port.py": 'def reset_cause():\n    return "deep sleep"\n',
        "torpor/store/__init__.py": "",
        "torpor/store/state.py": 'kept = {"known": ["home", "313233343536", 6, None, 0]}\n'
        "def of(name):\n    return kept\n",
        "secrets.json": '{"wifi": {"ssid": "home", "password": "key"}}',
    }
)
WIFI = ["torpor/wifi.py", "torpor/cold.py"]
DEEP: Edit = ("torpor/wifi.py", "_REJOINS = const(0)", "_REJOINS = const(1)")
CAUGHT = 'except (OSError, RuntimeError) as e:\n        _log.warning("joining the'
UNDONE: list[Edit] = [
    ("torpor/wifi.py", CAUGHT, CAUGHT.replace("(OSError, RuntimeError)", "OSError")),
    (
        "torpor/wifi.py",
        "        except (OSError, RuntimeError):\n            pass  # an ESP32",
        "        except OSError:\n            pass  # an ESP32",
    ),
]


@pytest.mark.parametrize("error", ["OSError", "RuntimeError"])
@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize("failing", ["disconnect", "ifconfig", "scan"])
def test_the_board_joins_even_if_an_earlier_step_fails(
    tmp_path: Path, failing: str, quick: bool, error: str
) -> None:
    program = f"""
error, failing, dns = {error}, {{{failing!r}: 9}}, "10.0.0.1"
print(json.dumps(joins({quick})))
"""
    calls = micropython(tmp_path, WIFI, RADIO_STUBS, RADIO + program, DEEP)
    assert calls[-1] == "connect", calls
    assert calls.count("connect") == 1


@pytest.mark.parametrize("error", ["OSError", "RuntimeError"])
def test_a_refused_join_does_not_crash(tmp_path: Path, error: str) -> None:
    program = f"""
error, failing, dns = {error}, {{"connect": 9}}, "10.0.0.1"
print(json.dumps(joins(True) + joins(False)))
"""
    calls = micropython(tmp_path, WIFI, RADIO_STUBS, RADIO + program, DEEP)
    assert calls.count("connect") == 4  # with the remembered access point, and without


def test_without_the_fix_a_runtime_error_ends_the_start(tmp_path: Path) -> None:
    program = """
error, failing, dns = RuntimeError, {"ifconfig": 9}, "10.0.0.1"
try:
    joins(False)
    print(0)
except RuntimeError:
    print(1)
"""
    assert micropython(tmp_path, WIFI, RADIO_STUBS, RADIO + program, DEEP) == 0
    assert micropython(tmp_path, WIFI, RADIO_STUBS, RADIO + program, DEEP, *UNDONE) == 1


@pytest.mark.parametrize(("took_ms", "again_s"), [(20, 60), (1000, 60), (7000, 112), (14000, 224)])
def test_a_slow_look_up_of_a_time_server_delays_the_next_one(
    tmp_path: Path, took_ms: int, again_s: int
) -> None:
    clock = CLOCK + "\nlater = []\nset_later = later.append\n"
    log = "class Log:\n    def __init__(self, name): pass\n    def warning(self, *text): pass\n"
    program = f"""
import json, sys

class ntptime:
    def settime():
        clock.now += {took_ms}
        raise OSError(-202)

sys.modules["ntptime"] = ntptime
from torpor import clock, wifi

wifi._set_clock()
print(json.dumps(clock.later))
"""
    stubs = RUNTIME | {"torpor/__init__.py": "", "torpor/clock.py": clock, "torpor/log.py": log}
    assert micropython(tmp_path, WIFI, stubs, program) == [again_s]


@pytest.mark.parametrize("error", ["OSError", "ValueError", "RuntimeError"])
def test_an_unreadable_signal_strength_is_omitted(tmp_path: Path, error: str) -> None:
    program = f"""
error, failing, dns = {error}, {{"status": 9}}, "10.0.0.1"
wlan = wifi._wlan = Wlan()
wlan.isconnected = lambda: True
print(json.dumps(wifi.info()))
"""
    info = micropython(tmp_path, WIFI, RADIO_STUBS, RADIO + program, DEEP)
    assert info == {"connected": True, "address": "10.0.0.2"}


def test_a_network_that_was_gone_for_an_hour_is_joined_again_within_20_s(tmp_path: Path) -> None:
    program = """
import asyncio

class Wait:
    def sleep_ms(ms):
        clock.now += ms
        if clock.now > 4_000_000:
            raise SystemExit
        yield from ()

    pause = sleep_ms

error, failing, dns = OSError, {}, "10.0.0.1"
clock.set_due = lambda s: False
wifi.asyncio = wifi.loop = Wait
wlan = wifi._wlan = Wlan()
tried = 0  # a Pico joins only on request

def connect(ssid, key):
    global tried
    tried = clock.now

wlan.connect = connect
wlan.status = lambda: 1 if clock.now < tried + LOOKS_MS else -2
wlan.isconnected = lambda: not GONE < clock.now < BACK and (tried > BACK or clock.now < GONE)
joined = []
try:
    asyncio.run(wifi.keep([lambda: joined.append(clock.now)]))
except SystemExit:
    pass
print(json.dumps([at - BACK for at in joined]))
"""
    stubs = dict(RADIO_STUBS)
    stubs["torpor/log.py"] += "def incident(*words): pass\n"
    for back in range(3_700_000, 3_715_000, 1000):  # at any time of a round
        gone = f"from torpor import clock\nLOOKS_MS, GONE, BACK = 4000, 100_000, {back}\n"
        again = micropython(tmp_path, WIFI, stubs, gone + RADIO + program)
        assert [ms < 20_000 for ms in again] == [True], again
