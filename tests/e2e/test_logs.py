"""``torpor logs`` over the network, levels of lines, and syslog, with a board in the simulator."""

from __future__ import annotations

import itertools
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.helpers.running import Running, running, write_cluster
from torpor_tools.board.live.logs import Line, Reader, follow
from torpor_tools.cli import root as torpor
from torpor_tools.client.tools import Tools
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError

TALKER = """
from torpor import Service, post


class {name}(Service):
    @post("/say")
    async def say(self, level: str, text: str) -> None:
        getattr(self.log, level)(text)

    @post("/fail")
    async def crash(self) -> None:
        raise ValueError("1234 ERROR kernel: forged\\n5678 ERROR kernel: forged")
"""
KEY = "8f" * 32


@pytest.fixture(scope="module")
def server() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(30)
        yield sock


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, server: socket.socket) -> Path:
    services = {"loud": TALKER.format(name="Loud"), "quiet": TALKER.format(name="Quiet")}
    root = write_cluster(tmp_path_factory.mktemp("logs"), services)
    text = (
        (root / "cluster.toml")
        .read_text()
        .replace("[services.loud]", "[services.loud]\nlog = 'debug'")
    )
    syslog = f'\n[log]\nlevel = "warning"\nsyslog = "127.0.0.1:{server.getsockname()[1]}"\n'
    (root / "cluster.toml").write_text(text + syslog)
    (root / "secrets.toml").write_text(f'[cluster]\nkeys = ["{KEY}"]\n')
    return root


@pytest.fixture(scope="module")
def board(project: Path) -> Iterator[Running]:
    with running(project, types=False, storage=project / "build" / "sim") as run:
        yield run


def say(board: Running, service: str, level: str, text: str) -> None:
    with board.client(service) as client:
        assert client.post("/say", json={"level": level, "text": text}).status_code == 204


def tool(project: Path, *words: str) -> Result:
    return CliRunner().invoke(torpor, ["-C", str(project), "logs", "box", *words])


def tools(project: Path) -> Tools:
    plan = load_plan(project)
    return Tools(project, plan.board("box"))


def shown(lines: Iterator[Line]) -> list[str]:
    return [f"({line.text})" if line.remark else line.text.strip() for line in lines]


def test_levels_come_from_cluster_toml_and_change_while_the_board_runs(
    board: Running, project: Path
) -> None:
    for service, level in itertools.product(("loud", "quiet"), ("debug", "info", "warning")):
        say(board, service, level, f"first {level}")
    assert tool(project, "--level", "quiet=debug", "--level", "loud=error").exit_code == 0
    for service, level in itertools.product(("loud", "quiet"), ("debug", "warning", "error")):
        say(board, service, level, f"second {level}")
    assert tool(project, "--level", "info").exit_code == 0  # of everything
    say(board, "quiet", "debug", "third")
    say(board, "loud", "info", "third")
    output = re.findall(r"(\w+): ((?:first|second|third).*)", tool(project).stdout)
    assert output == [
        ("loud", "first debug"),
        ("loud", "first info"),
        ("loud", "first warning"),
        ("quiet", "first warning"),
        ("loud", "second error"),
        ("quiet", "second debug"),
        ("quiet", "second warning"),
        ("quiet", "second error"),
        ("loud", "third"),
    ]


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--level", "quiet=loud"], "there is no level 'loud'"),
        (["--level", "quite=debug"], 'did you mean "quiet"?'),
        (["--level", "debug", "--port", "/dev/null"], "--port is for USB, --level for the network"),
        (["--at", "127.0.0.1:1"], "board box cannot be reached at 127.0.0.1:1"),
    ],
)
def test_a_mistake_is_named(project: Path, words: list[str], what: str) -> None:
    error = tool(project, *words).exception
    assert isinstance(error, UserError)
    assert what in str(error)


def test_following_continues_at_its_position_and_after_restarts(
    board: Running, project: Path
) -> None:
    with tools(project) as box:
        reader = Reader(box)
        list(reader.read())
        say(board, "quiet", "error", "a £ and a 🌡")
        assert [text.partition("quiet: ")[2] for text in shown(reader.read())] == ["a £ and a 🌡"]
        assert shown(reader.read()) == []
        for n in range(40):
            say(board, "quiet", "error", f"{n} " + "x" * 100)
        first, *more = shown(reader.read())
        gone = 40 - len(more)
        assert 0 < gone < 40
        size = sum(len(f"{0:9} ERROR quiet: {n} \n") + 100 for n in range(gone))
        assert first == f"({size} bytes of the log of box are lost)"
        numbers = [int(text.split("quiet: ")[1].split()[0]) for text in more]
        assert numbers == [*range(gone, 40)]
    with tools(project) as box:
        turns = iter(range(4))
        lines = follow(
            box, lambda: next(turns, None) is None, lambda s: board.kill("box") if s < 1 else None
        )
        assert "(box has restarted)" in shown(lines)


def test_the_log_goes_to_a_syslog_server(board: Running, server: socket.socket) -> None:
    with board.client("quiet") as client:
        assert client.post("/fail").status_code == 500
    sent: list[str] = []
    while not sent or "forged" not in sent[-1]:
        sent.append(server.recv(2048).decode())
    time = r"(-|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)"
    meta = r'\[meta sequenceId="(\d+)" sysUpTime="\d+"\]'
    head = rf"<(\d+)>1 {time} box ([\w-]+) - - {meta} "
    matches = [re.match(head, text) for text in sent]
    assert all(matches), sent
    assert {int(match[1]) for match in matches if match} >= {8 + 3, 8 + 7}  # errors, debug
    assert {match[3] for match in matches if match} >= {"loud", "quiet"}
    # The content of a message cannot become another message, and a traceback stays with its line.
    assert not any(text for text in sent if "kernel: forged" in text and " quiet " not in text)
    assert "POST /fail\n    Traceback" in sent[-1]
    assert sent[-1].endswith(r"ValueError: 1234 ERROR kernel: forged\n5678 ERROR kernel: forged")
