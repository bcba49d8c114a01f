"""``torpor update --all`` with two boards in the simulator: the order, and where it stops."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import Result

from tests.helpers import updates
from tests.helpers.running import running
from torpor_tools.errors import UserError
from torpor_tools.update.send import order

SERVICES = {
    "caller": """
from torpor import Service, get
from services.called import Called


class Caller(Service):
    called: Called

    @get("/caller")
    async def caller(self) -> str:
        return "1 " + await self.called.called()
""",
    "called": """
from torpor import Service, get


class Called(Service):
    @get("/called")
    async def called(self) -> str:
        return "1"
""",
}
CLUSTER = """
[cluster]
name = "test"

[boards.first]
type = "RPI_PICO_W"
services = ["caller"]

[boards.second]
type = "ESP32_GENERIC"
services = ["called"]

[services.caller]
port = 8001

[services.called]
port = 8002
"""


def test_called_boards_go_first_and_rings_keep_their_order() -> None:
    needs = {"a": ["b"], "b": ["c", "d"], "d": ["b"], "e": []}
    assert order(["a", "b", "c", "d", "e"], needs) == ["c", "d", "b", "a", "e"]
    assert order(["e", "a"], needs) == ["e", "a"]


def write(project: Path, number: int, bad: bool = False) -> None:
    for name, source in SERVICES.items():
        folder = project / "services" / name
        folder.mkdir(parents=True, exist_ok=True)
        text = source.replace('"1', f'"{number}')
        if bad and name == "called":
            text += "\n    async def healthy(self) -> bool:\n        return False\n"
        (folder / "__init__.py").write_text(text)


def test_a_fleet_is_updated_until_one_board_fails(tmp_path: Path) -> None:
    write(tmp_path, 1)
    (tmp_path / "cluster.toml").write_text(CLUSTER)
    updates.add_keys(tmp_path)

    def update(*words: str) -> Result:
        return updates.tool(tmp_path, "update", "--no-types", "--confirm", "1", *words)

    def says() -> str:
        with run.client("caller") as client:
            return client.get("/caller").text

    storage = tmp_path / "build" / "sim"
    with running(tmp_path, types=False, storage=storage) as run:
        assert says() == "1 1"
        write(tmp_path, 2)
        one = update("--all", "--canary", "1")
        assert one.exit_code == 0, (one.output, repr(one.exception))
        assert says() == "1 2"
        write(tmp_path, 3)
        every = update("--all")
        assert every.exit_code == 0, (every.output, repr(every.exception))
        assert re.findall(r"(\w+): build \w+ is confirmed", every.output) == ["second", "first"]
        assert says() == "3 3"
        write(tmp_path, 4, bad=True)
        failed = update("--all")
        assert isinstance(failed.exception, UserError)
        assert "second went back to build" in str(failed.exception)
        assert "not updated after this failure: first" in failed.output
        assert says() == "3 3"
        shown = updates.tool(tmp_path, "update", "--status").output.splitlines()
        assert [line.split()[0] for line in shown[1:]] == ["first", "second"]
        assert shown[1].endswith("running")
        assert "went back: called.healthy: False" in shown[2]
