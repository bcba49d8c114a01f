"""The exchange of an update with a board that answers from a script."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.helpers.held import held_port
from tests.helpers.updates import add_keys
from torpor_tools.client import tools as client
from torpor_tools.client.rpc import NotReachedError
from torpor_tools.client.tools import NoToolError, Tools
from torpor_tools.errors import Problem, UserError, fail
from torpor_tools.image.tree import LISTING, checksums
from torpor_tools.update.asleep import Sleeper
from torpor_tools.update.firmware import FirmwareManifest, FirmwareUpdater
from torpor_tools.update.manifest import Terms, manifest
from torpor_tools.update.pending import Report
from torpor_tools.update.send import Updater

FILES = {"boot.py": b"# boot"}
FILES[LISTING] = checksums(FILES)
MINE = 7
Answer = Callable[[str], Any]


def updater(answer: Answer) -> Updater:
    """Return an updater of a board that answers each step with ``answer(step)``."""

    class Board:
        board = SimpleNamespace(name="box")

        def ask(self, tool: str, deadline_ms: int, do: str, **arguments: Any) -> Any:
            return answer(do)

    return Updater(cast(Tools, Board()), pause=lambda seconds: None)


def board_of(counter: int, **status: Any) -> Answer:
    """Return the answers of a board that loses each connection but those for questions."""

    def answer(do: str) -> Any:
        if do == "status":
            fields = {"cluster": "test", "board": "box", "build": "ab", "firmware": "1.27.0"}
            return {**fields, "counter": counter, "production": False, "free": 0, **status}
        if do == "slot":
            return {"running": "ota_1", "other": "ota_0", "room": 0, "chip": 0}
        raise NotReachedError([])

    return answer


def test_an_update_of_somebody_else_in_between_is_an_error_at_once() -> None:
    image = manifest(Terms("test", "box", MINE, "1.27.0"), FILES)
    firmware = FirmwareManifest(b"text", cast(Any, SimpleNamespace(content=b"")), MINE)
    later = updater(board_of(MINE + 1, trial={"counter": MINE + 1}))
    works: list[Callable[[], None]] = [
        lambda: FirmwareUpdater(later).send(firmware, b""),
        lambda: later.send(image, b"", FILES),
        lambda: later.wait(image, 1),
    ]
    for work in works:
        with pytest.raises(UserError, match="another update of box came in between") as info:
            work()
        assert info.value.problems[0].remedy == "run it again"
    with pytest.raises(UserError, match="another update of box came in between"):
        FirmwareUpdater(updater(board_of(MINE + 1))).wait(firmware, "ota_1", 1)


def test_an_update_whose_last_answer_was_lost_has_arrived() -> None:
    firmware = FirmwareManifest(b"text", cast(Any, SimpleNamespace(content=b"")), MINE)
    remote = FirmwareUpdater(updater(board_of(MINE)))
    remote.send(firmware, b"")
    remote.wait(firmware, "ota_1", 1)


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("the manifest is not signed with a key that this board knows", "or flash it over USB"),
        ("there is no manifest that was checked", "was running: run it again"),
        ("this update was committed before", "was running: run it again"),
        ("the update is older than one that was here: its counter", "was running: run it again"),
        ("the update is for barn of test", "check --at"),
        ("the firmware is for barn of test", "check --at"),
        ("the firmware is for chip 0, and this is chip 9", "use firmware for that chip"),
        ("the new files need 81920 more bytes, and 73728 are free", "delete data on the board"),
        ("something else", "see the board's log"),
    ],
)
def test_a_refusal_has_its_own_remedy(message: str, remedy: str) -> None:
    def refuse(do: str) -> Any:
        raise fail(f"board box: {message}", "see the board's log")

    with pytest.raises(UserError) as info:
        updater(refuse).status()
    [problem] = info.value.problems
    assert problem.what == f"board box: {message}"
    assert remedy in problem.remedy


def test_a_status_may_have_fields_of_a_newer_torpor() -> None:
    status = updater(board_of(MINE, newer=1, data=["notes"])).status()
    assert (status.counter, status.data) == (MINE, ["notes"])


def test_a_board_without_the_tool_was_built_without_the_key() -> None:
    def refuse(do: str) -> Any:
        raise NoToolError(Problem(None, "the image of board box cannot do this"))

    with pytest.raises(UserError, match=r"box was built without signing\.pub: build it and flash"):
        updater(refuse).status()


@pytest.mark.parametrize(
    ("reason", "shown", "remedy"),
    [
        (
            "the new files need 8192 more bytes, and 4096 are free",
            "box: the new",
            "the image small",
        ),
        ("went back to build ab: hello.healthy: False", "box went back", "torpor logs and torpor"),
    ],
)
def test_the_end_of_an_update_of_a_board_that_sleeps(reason: str, shown: str, remedy: str) -> None:
    failed = {"build": "cd", "counter": MINE, "reason": reason, "at": 1.0}
    after = Report(1.0, {"build": "ab"}, failed=failed)

    class Desk:
        def known(self) -> Any:
            return SimpleNamespace(reports={"box": after})

        def follow(self, board: str, until: Callable[[Report], bool], seconds: float) -> bool:
            return until(after)

    sleeper = Sleeper(cast(Any, SimpleNamespace(name="box")), cast(Any, Desk()))
    with pytest.raises(UserError) as info:
        sleeper.wait(manifest(Terms("test", "box", MINE, "1.27.0"), FILES), 1)
    [problem] = info.value.problems
    assert problem.what.startswith(shown)
    assert remedy in problem.remedy


class Clock:
    """A clock that only pauses move."""

    def __init__(self, factor: float = 1.0) -> None:
        self.now = 0.0
        self._factor = factor

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds * self._factor


def sends_to(root: Path, port: int, clock: Clock) -> tuple[list[str], UserError]:
    """Send an update to that port; return the notes for the user, and the error."""
    add_keys(root)
    notes: list[str] = []
    services = [SimpleNamespace(port=port)]
    board = cast(Any, SimpleNamespace(name="box", port=port, host="127.0.0.1", services=services))
    made = manifest(Terms("test", "box", MINE, "1.27.0"), FILES)
    with Tools(root, board) as tools, pytest.raises(NotReachedError) as info:
        Updater(tools, clock.pause, clock).send(made, b"", FILES, report=notes.append)
    return notes, info.value


KEEPS = "box keeps what has arrived: run it again to continue"
SILENT = "box does not answer; trying again for up to 60 s"


def test_a_board_that_refuses_connections_is_tried_for_a_minute(tmp_path: Path) -> None:
    clock = Clock()
    with held_port() as port:
        notes, error = sends_to(tmp_path, port, clock)
    assert notes == [SILENT]
    assert clock.now == 60
    [problem] = error.problems
    assert "Connection refused" in problem.what
    assert problem.remedy == KEEPS


def test_a_board_that_accepts_and_never_answers_is_tried_for_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_CONNECT_S", 0.05)
    clock = Clock(factor=10)
    with socket.create_server(("127.0.0.1", 0)) as server:
        notes, error = sends_to(tmp_path, server.getsockname()[1], clock)
    assert notes == [SILENT]
    assert clock.now == 60
    [problem] = error.problems
    assert "box does not answer: timed out" in problem.what
    assert problem.remedy == KEEPS


def test_each_answer_gives_the_board_another_minute() -> None:
    """Each step is lost once, 40 s later the board answers it, and then the next one is lost."""
    made = manifest(Terms("test", "box", MINE, "1.27.0"), FILES)
    [line] = [line for line in made.lines if line.path == "boot.py"]
    results = {
        "head": len(made.text),
        "check": {"needed": [(line.place, 0)]},
        "put": line.size,
        "commit": {},
    }
    waits: dict[str, float] = {}

    class Board:
        board = SimpleNamespace(name="box")

        def ask(self, tool: str, deadline_ms: int, answer_s: float, do: str, **given: Any) -> Any:
            if do not in waits or do == "status":
                waits[do] = answer_s
                raise NotReachedError([])
            return results[do]

    clock = Clock(factor=40)
    Updater(cast(Tools, Board()), clock.pause, clock).send(made, b"", FILES)
    assert clock.now == 4 * 40
    assert waits["head"] == waits["put"] < waits["check"] == waits["commit"]
