"""Settings of radio and sockets that the build writes: host name, power save, connections."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from tests.helpers.several import write_boards
from torpor_tools.contracts import load_plan
from torpor_tools.link import check, image_files
from torpor_tools.link.start import start_modules
from torpor_tools.link.wiring import wiring
from torpor_tools.model.cluster import announced_name
from torpor_tools.project.boards import known_boards, load_board
from torpor_tools.project.ports import connections_left

EMPTY = "from torpor import Service, get\n\n\nclass {0}(Service):\n"
EMPTY += '    @get("/")\n    async def read(self) -> int:\n        return 3\n'


def services(*names: str) -> dict[str, str]:
    return {name: EMPTY.format(name.title()) for name in names}


def boot(root: Path, kind: str, more: str = "", production: bool = False) -> str:
    """Return the ``boot.py`` of the board ``box``, with more lines in its table."""
    write_cluster(root, services("a"), kind)
    toml = root / "cluster.toml"
    toml.write_text(toml.read_text().replace("[boards.box]", f"[boards.box]\n{more}"))
    return image_files(load_plan(root), "box")["boot.py"].decode()


@pytest.mark.parametrize("kind", ["RPI_PICO_W", "ESP32_GENERIC", "ESP32_GENERIC_S3"])
def test_a_board_announces_its_name(tmp_path: Path, kind: str) -> None:
    assert boot(tmp_path, kind).endswith('\nwifi.begin("box")\n')


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("box.local", "box"),
        ("fridge-1.local", "fridge-1"),
        ("Fridge.LOCAL", "Fridge"),
        ("192.168.1.7", "box"),
        ("box.example.org", "box"),
        ("local", "box"),
    ],
)
def test_the_announced_name_is_the_one_that_others_look_up(host: str, name: str) -> None:
    assert announced_name("box", host) == name


def test_a_custom_host_is_announced(tmp_path: Path) -> None:
    assert 'wifi.begin("cold-room")' in boot(tmp_path, "RPI_PICO_W", 'host = "cold-room.local"')


@pytest.mark.parametrize(
    ("kind", "policy", "saving"),
    [
        ("ESP32_GENERIC", "on", "PM_NONE"),
        ("ESP32_GENERIC", "idle", "PM_PERFORMANCE"),
        ("ESP32_GENERIC_C3", "deep", "PM_PERFORMANCE"),
        ("ESP32_GENERIC_S3", "doze", "PM_PERFORMANCE"),
        ("RPI_PICO_W", "on", "PM_NONE"),
        ("RPI_PICO_W", "idle", "PM_POWERSAVE"),
        ("RPI_PICO2_W", "doze", "PM_POWERSAVE"),
    ],
)
def test_the_power_save_depends_on_policy_and_port(
    tmp_path: Path, kind: str, policy: str, saving: str
) -> None:
    wake = ', wake_every = "5m"' if policy == "deep" else ""
    text = boot(tmp_path, kind, f'power = {{ policy = "{policy}"{wake} }}')
    assert f'wifi.begin("box", "{saving}")' in text


def test_a_production_image_begins_in_the_same_way() -> None:
    [start, _] = start_modules("esp32", True, 'wifi.begin("box")')
    assert '\n    wifi.begin("box")\n' in start.source


@pytest.mark.parametrize(("kind", "left"), [("ESP32_GENERIC_C3", 5), ("RPI_PICO_W", 5)])
def test_connections_get_the_sockets_left_by_listeners(
    tmp_path: Path, kind: str, left: int
) -> None:
    write_cluster(tmp_path, services("a", "b", "c", "d"), kind)
    plan = load_plan(tmp_path)
    assert f"\nCONNECTIONS = {left}\n" in wiring(plan, plan.board("box"))


@pytest.mark.parametrize("name", known_boards())
def test_every_board_has_connections_besides_its_listeners(name: str) -> None:
    board = load_board(name)
    assert connections_left(board, board.listeners) >= 2
    assert connections_left(board, 1) >= 5


def many(root: Path, listeners: int, mailbox: bool, peer: bool) -> list[str]:
    """Return the problems of an ESP32 with this many listeners."""
    names = [f"s{n}" for n in range(listeners)]
    sources = services(*names, "far")
    if peer:
        call = "\n    far: Far\n\n    @get"
        sources["s0"] = sources["s0"].replace("    @get", call, 1)
        sources["s0"] = "from services.far import Far\n" + sources["s0"]
    boards = {"box": names, "other": ["far"]}
    write_boards(root, sources, boards, types={"box": "ESP32_GENERIC"})
    toml = root / "cluster.toml"
    if mailbox:
        lines = toml.read_text().replace("[boards.box]", "[boards.box]\nmailbox = true")
        toml.write_text(lines + '\n[mailbox]\nurl = "mqtt://127.0.0.1"\n')
    return [str(problem) for problem in check(root, types=False)[1]]


@pytest.mark.parametrize(
    ("listeners", "mailbox", "peer", "output"),
    [
        (7, False, False, ""),
        (7, True, False, "box has 2 left for connections"),
        (7, False, True, "box has 2 left for connections"),
        (6, True, False, ""),
        (6, False, True, ""),
        (6, True, True, "a client and the next one, calls to other boards and the mailbox need 4"),
        (5, True, True, ""),
    ],
)
def test_an_image_without_a_connection_is_refused(
    tmp_path: Path, listeners: int, mailbox: bool, peer: bool, output: str
) -> None:
    found = [each for each in many(tmp_path, listeners, mailbox, peer) if "sockets" in each]
    assert len(found) == bool(output), found
    assert not output or (output in found[0] and "cluster.toml:5" in found[0])
