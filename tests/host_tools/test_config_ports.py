"""The facts of the ports: how MicroPython behaves on each family of chips."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from torpor_tools.errors import UserError
from torpor_tools.paths import boards_dir
from torpor_tools.project import ports
from torpor_tools.project.boards import CHIPS, known_boards, load_board
from torpor_tools.project.ports import known_ports, load_port

Edit = Callable[[str, str], str]


def test_every_port_of_a_board_has_facts() -> None:
    assert known_ports() == sorted(CHIPS)
    assert {load_board(name).port for name in known_boards()} <= set(known_ports())


@pytest.mark.parametrize("name", ["esp32", "rp2"])
def test_every_chip_has_a_host_name_and_a_heap(name: str) -> None:
    port = load_port(name)
    assert port.hostname
    chips = set(CHIPS[name])
    assert chips <= port.hostname.default.keys()
    assert all(len(each) <= port.hostname.longest for each in port.hostname.default.values())
    assert not port.heap.split or chips <= port.heap.first_bytes.keys()


def test_the_numbers_of_an_esp32_match_its_firmware() -> None:
    numbers = load_port("esp32").errno
    read_out = {
        "EADDRINUSE": 112,
        "ECONNABORTED": 113,
        "ECONNRESET": 104,
        "ENOBUFS": 105,
        "ENOTCONN": 128,
        "ETIMEDOUT": 116,
        "ECONNREFUSED": 111,
        "EHOSTUNREACH": 118,
        "EALREADY": 120,
        "EINPROGRESS": 119,
    }
    assert read_out.items() <= numbers.items()


@pytest.mark.parametrize("name", ["rp2", "unix"])
def test_the_numbers_of_the_other_ports_match_linux(name: str) -> None:
    numbers = load_port(name).errno
    assert numbers == {key: getattr(errno, key) for key in numbers}
    assert numbers.keys() == load_port("esp32").errno.keys()


def test_every_fact_names_its_source() -> None:
    for path in (boards_dir() / "ports").glob("*.toml"):
        if path.stem == "unix":
            continue
        above = ""
        for line in path.read_text().split("\n"):
            if line.startswith(("#", "[")):
                above = line
            elif "=" in line and not line.startswith(("name", "E", "RP", '"')):
                source = line.partition(" # ")[2] or above
                assert re.search(r"\w", source), f"{path.name}: {line}"


def test_a_radio_is_optional() -> None:
    port = load_port("unix")
    assert port.wifi is None
    assert port.hostname is None
    assert load_port("rp2").wifi


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Edit:
    """Replace a text in the facts of the ESP32; return what is reported about the file."""
    shutil.copytree(boards_dir() / "ports", tmp_path / "ports")
    monkeypatch.setattr(ports, "boards_dir", lambda: tmp_path)

    def edit(old: str, new: str) -> str:
        path = tmp_path / "ports" / "esp32.toml"
        original = (boards_dir() / "ports" / "esp32.toml").read_text()
        assert old in original
        path.write_text(original.replace(old, new, 1))
        with pytest.raises(UserError) as caught:
            load_port("esp32")
        return str(caught.value)

    return edit


@pytest.mark.parametrize(
    ("old", "new", "output"),
    [
        ('name = "esp32"', 'name = "esp"', 'name: "esp" is not the file\'s name'),
        ('name = "esp32"', "", 'there is no "name"'),
        ("EPERM = 1", 'EPERM = "one"', 'EPERM: expected a whole number, got "one"'),
        ("ESP32-C3 = 65536", "ESP32-C3 = true", "ESP32-C3: expected a whole number, got true"),
        ('ESP32-C3 = "mpy-esp32c3"', "ESP32-C3 = 3", "ESP32-C3: expected text in quotes, got 3"),
        ("shared = true", "shared = 1", "shared: expected true or false, got 1"),
        ('full = "ENFILE"', 'full = "ENFIL"', 'full: [errno] has no "ENFIL"'),
        ('full = "ENFILE"', 'full = "EWHAT"', "add its number to [errno]"),
        ("poll_ms = 10", "pol_ms = 10", 'unknown key "pol_ms"'),
        ("poll_ms = 10", "", '[loop] has no "poll_ms"'),
        ("local_ms = 5000", "local_ms = -1", "local_ms: -1 is negative"),
        ('taken_at = "first address"', 'taken_at = "later"', 'taken_at: "later" is not known'),
        ("[loop]", "[lop]", 'unknown key "lop"'),
    ],
)
def test_a_mistake_in_the_facts_is_named_with_its_line(
    edited: Edit, old: str, new: str, output: str
) -> None:
    message = edited(old, new)
    assert output in message
    assert "boards/ports/esp32.toml" in message


def test_all_mistakes_are_reported_together(edited: Edit) -> None:
    message = edited("poll_ms = 10", 'poll_ms = "ten"\nlater = 1')
    assert "expected a whole number" in message
    assert 'unknown key "later"' in message


def test_an_unknown_port_is_named() -> None:
    with pytest.raises(UserError, match='there is no port "esp"'):
        load_port("esp")
