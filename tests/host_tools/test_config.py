"""cluster.toml and boards/*.toml: what is read, and the line of every mistake."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import board_types
from torpor_tools import paths
from torpor_tools.errors import UserError, Where
from torpor_tools.project import boards, load_board, load_cluster
from torpor_tools.project.positions import positions
from torpor_tools.suggest import counted, did_you_mean, free_port, listing

GOOD = """\
[cluster]
name = "fridges"

[boards.shed]
type = "RPI_PICO_W"
services = [
    "sensors",  # a comment, with "quotes"
    "alerts",
]

[services.sensors]
port = 8001
config = { pin = 22, probes = { "fridge 1" = "28ff" } }

[services.alerts]
port = false
"""
BOARD = (paths.boards_dir() / "RPI_PICO_W.toml").read_text(encoding="utf-8")


def problems(root: Path, text: str) -> list[str]:
    (root / "cluster.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as caught:
        load_cluster(root)
    return [str(problem).partition("\n")[0] for problem in caught.value.problems]


def test_a_good_cluster(tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").write_text(GOOD)
    cluster = load_cluster(tmp_path)
    assert (cluster.name, cluster.root) == ("fridges", tmp_path)
    [board] = cluster.boards
    assert (board.name, board.type, board.services) == ("shed", "RPI_PICO_W", ("sensors", "alerts"))
    assert board.where == Where("cluster.toml", 4)
    assert board.where_of("alerts") == Where("cluster.toml", 8)
    sensors, alerts = cluster.services
    assert (sensors.port, sensors.where) == (8001, Where("cluster.toml", 11))
    assert sensors.config == {"pin": 22, "probes": {"fridge 1": "28ff"}}
    assert (alerts.port, alerts.config) == (None, {})


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('name = "fridges"', "name = fridges", "cluster.toml:2:8: not TOML: Invalid value"),
        ('"alerts",\n]', '"alerts",\n', "cluster.toml:11:2: not TOML: Invalid value"),
        ("port = false", "port = ", "cluster.toml:16:8: not TOML: Invalid value"),
        ("port = false", 'port = "8001', "cluster.toml:16:13: not TOML: Illegal character '"),
        ("[services.alerts]", "[services.sensors]", "cluster.toml:15:18: not TOML: Cannot declare"),
        ("[cluster]", "[clutser]", 'cluster.toml:1: unknown key "clutser"'),
        ("type =", "tpye =", 'cluster.toml:5: unknown key "tpye"'),
        ("port = false", "prot = false", 'cluster.toml:16: unknown key "prot"'),
        ("port = false", "", "cluster.toml:15: alerts: it has no port"),
        ("port = false", "port = true", "cluster.toml:16: alerts: port: expected 1 to 65535"),
        ("port = false", 'port = "80"', "cluster.toml:16: alerts: port: expected 1 to 65535"),
        ("port = false", "port = 65536", "cluster.toml:16: alerts: port: expected 1 to 65535"),
        (
            "port = false",
            'port = 8002\nstart = "later"',
            'cluster.toml:17: alerts: start: expected "boot" or "on-request", got "later"',
        ),
        (
            "port = false",
            'port = false\nstart = "on-request"',
            'cluster.toml:17: alerts has `start = "on-request"`, but no port',
        ),
        ('"alerts",', "3,", "cluster.toml:8: services: expected the names of services, got 3"),
        ('"alerts",', '"sensors",', "cluster.toml:8: sensors is listed twice"),
        ("boards.shed", 'boards."the shed"', 'cluster.toml:4: "the shed" cannot be the name'),
        ("services.alerts", "services.a-b", 'cluster.toml:15: "a-b" cannot be the name'),
        ("services.alerts", "services.class", 'cluster.toml:15: "class" cannot be the name'),
        ("services.alerts", "services.kernel", 'cluster.toml:15: a service cannot be called "ker'),
        ("services.alerts", "services.tests", 'cluster.toml:15: a service cannot be called "tes'),
        (
            "services.alerts",
            "services.conftest",
            'cluster.toml:15: a service cannot be called "con',
        ),
        *(
            (
                "services.alerts",
                f"services.{name}",
                f'cluster.toml:15: a service cannot be called "{name}"',
            )
            for name in ("build", "dist", "venv", "node_modules", "state")
        ),
        ("services.alerts", "services._client", 'cluster.toml:15: a service cannot be called "_cl'),
        (
            "pin = 22",
            "at = 2026-11-24",
            "cluster.toml:13: config.at = 2026-11-24: this cannot be passed",
        ),
        ("[cluster]\n", "[services]\nx = 3\n[cluster]\n", "cluster.toml:2: services.x: expected a"),
    ],
)
def test_a_mistake(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert GOOD.count(old) == 1
    found = problems(tmp_path, GOOD.replace(old, new))
    assert any(problem.startswith(expected) for problem in found), found


def test_an_expected_table_is_named_in_full(tmp_path: Path) -> None:
    (tmp_path / "cluster.toml").write_text('[cluster]\nname = "a"\n[services.b]\nconfig = 5\n')
    with pytest.raises(UserError) as caught:
        load_cluster(tmp_path)
    assert "write for example [services.b.config]" in str(caught.value)


@pytest.mark.parametrize(
    ("table", "line", "near"),
    [
        ("services.vavle", 13, "valve"),
        ("services.Valve", 13, "valve"),
        ("services.alve.config", 13, "valve"),
        ("boards.shd.power", 13, "shed"),
        ("boards.sheed", 13, "shed"),
    ],
)
def test_a_table_for_an_unknown_name(tmp_path: Path, table: str, line: int, near: str) -> None:
    """Only the table is reported, at its own line, and not the consequences."""
    text = """\
[cluster]
name = "garden"

[boards.shed]
type = "RPI_PICO_W"
services = ["valve"]

[services.valve]
port = 8001

[services.valve.config]

"""
    wrong = f"[{table}]\n" + ('policy = "idle"\n' if "power" in table else "")
    (tmp_path / "cluster.toml").write_text(text + wrong)
    with pytest.raises(UserError) as caught:
        load_cluster(tmp_path)
    [problem] = caught.value.problems
    unknown = ".".join(table.split(".")[:2])
    assert str(problem).startswith(f"cluster.toml:{line}: unknown table [{unknown}]")
    assert problem.remedy == f'did you mean "{near}"?'


@pytest.mark.parametrize("others", [[], ["pump"]])
def test_a_table_with_no_similar_name(tmp_path: Path, others: list[str]) -> None:
    """It is reported while a service lacks its table, because it is probably that one."""
    names = ["valve", *others]
    listed = ", ".join(f'"{name}"' for name in names)
    (tmp_path / "cluster.toml").write_text(
        '[cluster]\nname = "garden"\n[boards.shed]\ntype = "RPI_PICO_W"\n'
        f"services = [{listed}]\n[services.zzzzz]\nconfig = {{}}\n"
    )
    with pytest.raises(UserError) as caught:
        load_cluster(tmp_path)
    [problem] = caught.value.problems
    what = "cluster.toml:6: unknown table [services.zzzzz]: no board runs zzzzz"
    assert str(problem).startswith(what)
    assert problem.remedy.startswith(f"without a table: {' and '.join(names)}; rename")


def test_a_port_in_a_table_for_an_unknown_name(tmp_path: Path) -> None:
    text = GOOD.replace("[services.sensors]", "[services.sensors.config]")
    text = text.replace("port = 8001\nconfig =", "probes =")
    found = problems(tmp_path, text + "\n[services.snesors]\nport = 8001\n")
    assert found == ["cluster.toml:17: unknown table [services.snesors]"]


def test_a_similar_name_without_a_board_is_not_suggested(tmp_path: Path) -> None:
    (tmp_path / "services" / "sensor").mkdir(parents=True)
    (tmp_path / "cluster.toml").write_text(f"{GOOD}\n[services.sensor]\nport = 8002\n")
    assert len(load_cluster(tmp_path).services) == 3


def test_all_mistakes_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("type =", "tpye =").replace("port = 8001", "port = 0")
    assert problems(tmp_path, text) == [
        'cluster.toml:5: unknown key "tpye"',
        'cluster.toml:4: [boards.shed] has no "type"',
        "cluster.toml:12: sensors: port: expected 1 to 65535 or false, got 0",
    ]


def test_a_missing_file_an_empty_file_and_no_boards(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no cluster\.toml"):
        load_cluster(tmp_path)
    assert 'cluster.toml: there is no "cluster"' in problems(tmp_path, "")
    assert problems(tmp_path, '[cluster]\nname = "x"\n') == [
        "cluster.toml: the cluster has no board"
    ]
    (tmp_path / "cluster.toml").write_bytes(b"\xff")
    with pytest.raises(UserError, match="not UTF-8"):
        load_cluster(tmp_path)


@pytest.mark.parametrize("name", board_types.ALL)
def test_every_shipped_board_type_is_valid(name: str) -> None:
    board = load_board(name)
    assert board.name == name
    assert 0 < board.listeners < board.sockets
    assert "==" in board.stubs
    end = board.filesystem.offset + board.filesystem.block_size * board.filesystem.block_count
    assert end <= board.flash_bytes


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("listeners = 8", "listners = 8", 'boards/NEW.toml:6: unknown key "listners"'),
        ("listeners = 8", "", 'boards/NEW.toml: there is no "listeners"'),
        ("listeners = 8", 'listeners = "8"', "boards/NEW.toml:6: listeners: expected a whole num"),
        ("listeners = 8", "listeners = -8", "boards/NEW.toml:6: listeners: -8 is negative"),
        ('port = "rp2"', 'port = "rp3"', 'boards/NEW.toml:3: port: there is no "rp3"'),
        ('"RP2040"', '"RP2041"', 'boards/NEW.toml:2: chip: the port rp2 has no "RP2041"'),
        ("0x12c000", "0x12c001", "the filesystem does not begin on a block boundary"),
        ("block_count = 212", "block_count = 213", "the filesystem ends at 0x201000, beyond"),
        ('sha256 = "4df75d3f', 'sha256 = "4DF75D3F', "is not a SHA-256"),
        ("block_count = 212", "", '[filesystem] has no "block_count"'),
        ("[filesystem]", "[filesytem]", 'unknown key "filesytem"'),
        ('"timer", ', "7, ", "wake_sources: expected text in quotes, got 7"),
        ("active = 70.0", 'active = "70"', "active: expected a number, got '70'"),
        ("active = 70.0", "active = -70.0", "active: -70.0 is not 0 or more"),
        ("active = 70.0", "active = nan", "active: nan is not 0 or more"),
    ],
)
def test_a_bad_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: str, new: str, expected: str
) -> None:
    text = BOARD.replace('"timer",  ', '"timer", ')
    assert old in text
    (tmp_path / "NEW.toml").write_text(text.replace(old, new, 1), encoding="utf-8")
    monkeypatch.setattr(boards, "boards_dir", lambda: tmp_path)
    with pytest.raises(UserError) as caught:
        load_board("NEW")
    assert expected in str(caught.value)


def test_a_board_without_firmware(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head, _, rest = BOARD.partition("[firmware]")
    (tmp_path / "LINUX.toml").write_text(head + rest[rest.index("[currents_ma]") :])
    monkeypatch.setattr(boards, "boards_dir", lambda: tmp_path)
    board = load_board("LINUX")
    assert board.firmware is None
    assert board.currents_ma["active"] == 70.0


def test_an_unknown_board() -> None:
    with pytest.raises(UserError) as caught:
        load_board("RPI_PICOW")
    assert 'did you mean "RPI_PICO_W"? known boards: ESP32_GENERIC,' in str(caught.value)


def test_positions_of_every_kind_of_key() -> None:
    text = '''\
# x = 1
a.b = """
c = 2
"""
[t . "u.v"]
w = [ # one
  1, { k = ']' },
  [2],
] # end
[[list]]
n = '\\'
[[list]]
n = """\\""""
[list.sub]
o = 2026-11-24 10:00:00
'''
    assert positions(text) == {
        ("a",): 2,
        ("a", "b"): 2,
        ("t",): 5,
        ("t", "u.v"): 5,
        ("t", "u.v", "w"): 6,
        ("t", "u.v", "w", 0): 7,
        ("t", "u.v", "w", 1): 7,
        ("t", "u.v", "w", 1, "k"): 7,
        ("t", "u.v", "w", 2): 8,
        ("t", "u.v", "w", 2, 0): 8,
        ("list",): 10,
        ("list", 0): 10,
        ("list", 0, "n"): 11,
        ("list", 1): 12,
        ("list", 1, "n"): 13,
        ("list", 1, "sub"): 14,
        ("list", 1, "sub", "o"): 15,
    }


def paths_of(value: object, path: tuple[str | int, ...] = ()) -> set[tuple[str | int, ...]]:
    found = {path} if path else set()
    if isinstance(value, dict):
        return found.union(*(paths_of(item, (*path, key)) for key, item in value.items()))
    return found


def toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f'"{key}" = {toml(item)}' for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[\n" + ",\n".join(map(toml, value)) + "\n]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


names = st.text("ab.#[]={} ,'", max_size=4)
values = st.recursive(
    st.one_of(names, st.integers(0, 99), st.booleans()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
)


@given(st.dictionaries(names, values, max_size=4))
def test_every_key_of_any_file_has_a_line(data: dict[str, object]) -> None:
    text = "".join(f'\n"{key}" = {toml(value)}\n' for key, value in data.items())
    assert tomllib.loads(text) == data
    found = positions(text)
    assert paths_of(data) <= found.keys()
    lines = text.split("\n")
    assert all(lines[found[(key,)] - 1].startswith(f'"{key}" = ') for key in data)


def test_words() -> None:
    assert did_you_mean("Readnigs", ["alerts", "readings"]) == 'did you mean "readings"?'
    assert did_you_mean("xyz", ["alerts"]) == ""
    assert [listing("abc"[:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]


def test_the_tools_find_their_data() -> None:
    assert (paths.firmware_dir() / "torpor" / "kernel.py").is_file()
    assert (paths.shims_dir() / "machine.py").is_file()
    assert (paths.templates_dir() / "service").is_dir()


def test_the_cache_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORPOR_CACHE", str(tmp_path))
    assert paths.cache_dir() == tmp_path


def test_the_next_free_port_is_named(tmp_path: Path) -> None:
    text = '[cluster]\nname = "x"\n[boards.b]\ntype = "RPI_PICO_W"\nservices = ["s"]\n'
    (tmp_path / "cluster.toml").write_text(text + "[services.r]\nport = 8001\n[services.s]\n")
    with pytest.raises(UserError, match="port = 8002"):
        load_cluster(tmp_path)
    assert free_port([None, 8002]) == 8001
    assert (counted(1, "board"), counted(2000, "pair")) == ("1 board", "2,000 pairs")


def test_the_file_in_the_documentation_has_every_key(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "cluster.md").read_text()
    example = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)[0]
    (tmp_path / "cluster.toml").write_text(example)
    load_cluster(tmp_path)
    for table in (
        "cluster",
        "boards.shed",
        "boards.shed.power",
        "mailbox",
        "log",
        "metrics",
        "traces",
        "services.page",
    ):
        bad = re.sub(rf"^(\[{re.escape(table)}\].*)", r"\1\nzzzzz = 1", example, flags=re.MULTILINE)
        (tmp_path / "cluster.toml").write_text(bad)
        with pytest.raises(UserError, match="known: ") as caught:
            load_cluster(tmp_path)
        known = str(caught.value).partition("known: ")[2].replace(" and ", ", ").split(", ")
        assert set(known) <= set(re.findall(r"\w+", example)), known


def test_a_mistake_in_the_log_and_trace_tables_is_named(tmp_path: Path) -> None:
    text = GOOD.replace("port = 8001", 'port = 8001\nlog = "debgu"')
    text += '[log]\nlevel = "all"\nsyslog = "udp://nas"\nfile = "x"\n'
    text += '[traces]\notlp = "192.168.1.5"\n'
    assert problems(tmp_path, text) == [
        'cluster.toml:21: unknown key "file"',
        'cluster.toml:13: log: there is no level "debgu"',
        'cluster.toml:19: level: there is no level "all"',
        'cluster.toml:20: syslog: "udp://nas" is not a host or host:port',
        'cluster.toml:23: otlp: "192.168.1.5" is not the address of a collector',
    ]


@pytest.mark.parametrize(
    ("table", "what"),
    [
        ("", "[metrics] names the service that serves /metrics, or else a port of its own"),
        ('service = "alerts"\nport = 9', "[metrics] names the service that serves /metrics, or"),
        ('service = "alrts"', 'there is no service "alrts"'),
        ('service = "alerts"', "alerts has no port"),
        ("port = 8001", "sensors has port 8001 as well"),
        ("port = 0", "port: expected 1 to 65535, got 0"),
        ('port = "9100"', 'port: expected a whole number, got "9100"'),
    ],
)
def test_a_mistake_in_the_metrics_table_is_named(tmp_path: Path, table: str, what: str) -> None:
    [problem] = problems(tmp_path, GOOD + f"[metrics]\n{table}\n")
    assert what in problem
