"""Updates of a board while the project's signing key is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.helpers import signing
from tests.helpers.running import running, write_cluster
from tests.helpers.updates import add_keys, says, tool
from torpor_tools.project.signers import public_keys
from torpor_tools.update.send import Updater

HELLO = """
from torpor import Service, get


class Hello(Service):
    @get("/hello")
    async def hello(self) -> str:
        return "one"
"""


def change(project: Path, text: str) -> None:
    source = project / "services/hello/__init__.py"
    source.write_text(HELLO.replace('"one"', repr(text)))


def test_a_rollback_past_a_change_of_the_key_keeps_the_present_key(tmp_path: Path) -> None:
    write_cluster(tmp_path, {"hello": HELLO})
    add_keys(tmp_path)
    update = ("update", "--no-types", "--confirm", "1")
    with running(tmp_path, types=False, storage=tmp_path / "build" / "sim") as board:
        change(tmp_path, "two")
        assert tool(tmp_path, *update).exit_code == 0, board.log_text("box")
        assert tool(tmp_path, "secrets", "signing-key", "--rotate").exit_code == 0
        assert tool(tmp_path, "secrets", "signing-key", "--finish", "--yes").exit_code == 0
        # The board was off since --rotate: it knows the old key only.
        change(tmp_path, "three")
        refused = tool(tmp_path, *update)
        assert "not signed with a key that this board knows" in str(refused.exception)
        done = tool(tmp_path, *update, "--key", str(tmp_path / "signing-retired.pem"))
        assert done.exit_code == 0, (done.output, repr(done.exception))
        assert says(board) == "three"
        there = tmp_path / "build/sim/box/flash/signing.pub"
        [present] = public_keys(tmp_path)
        assert there.read_bytes() == present != public_keys(signing.project())[0]
        back = tool(tmp_path, "rollback", "--confirm", "1")
        assert back.exit_code == 0, (back.output, repr(back.exception))
        assert "current signing.pub" in back.stderr
        assert says(board) == "two"
        assert there.read_bytes() == present
        change(tmp_path, "four")
        again = tool(tmp_path, *update)
        assert again.exit_code == 0, (again.output, repr(again.exception))
        assert says(board) == "four"


def test_a_board_that_was_built_without_a_key_is_named(tmp_path: Path) -> None:
    write_cluster(tmp_path, {"hello": HELLO})
    storage = tmp_path / "build" / "sim"
    secrets = tmp_path / "secrets.toml"
    with running(tmp_path, types=False, storage=storage):
        add_keys(tmp_path)
        refused = str(tool(tmp_path, "update", "--no-types").exception)
        assert "it was built without the cluster's key" in refused
        assert "correct `host`" in refused
    (tmp_path / "signing.pub").unlink()
    assert secrets.is_file()
    with running(tmp_path, types=False, storage=storage):
        signing.add_key(tmp_path)
        text = "box was built without signing.pub: build it and flash it once"
        assert text in str(tool(tmp_path, "update", "--no-types").exception)
        assert text in tool(tmp_path, "update", "--status").output


@pytest.mark.parametrize("method", ["send", "wait"])
def test_ctrl_c_says_what_the_board_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    write_cluster(tmp_path, {"hello": HELLO})
    add_keys(tmp_path)

    def interrupt(*arguments: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    with running(tmp_path, types=False, storage=tmp_path / "build" / "sim"):
        change(tmp_path, "two")
        monkeypatch.setattr(Updater, method, interrupt)
        stopped = tool(tmp_path, "update", "--no-types", "--confirm", "1")
    texts = {
        "send": "box keeps what has arrived: run it again to continue",
        "wait": "box now decides alone whether it keeps the image: torpor update --status",
    }
    assert texts[method] in stopped.stderr
