"""Projects whose boards accept updates, for the tests of ``torpor update``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from tests.helpers import signing
from tests.helpers.running import Running
from torpor_tools.cli import root as torpor
from torpor_tools.client.tools import Tools
from torpor_tools.contracts import load_plan
from torpor_tools.update import send
from torpor_tools.update.keys import PASSPHRASE_VARIABLE

KEY = "8f" * 32  # of the cluster


def add_keys(root: Path) -> None:
    """Give the project in ``root`` the cluster's key and a signing key."""
    (root / "secrets.toml").write_text(f'[cluster]\nkeys = ["{KEY}"]\n')
    signing.add_key(root)


def tool(root: Path, *words: str) -> Result:
    """Run ``torpor`` in the project, with the passphrase of its signing key."""
    environment = {PASSPHRASE_VARIABLE: signing.PASSPHRASE}
    return CliRunner(env=environment).invoke(torpor, ["-C", str(root), *words])


def says(board: Running) -> str:
    """Return the response of the service ``hello``."""
    with board.client("hello") as client:
        return client.get("/hello").text


@contextmanager
def updater_of(project: Path) -> Iterator[send.Updater]:
    """Open a connection for updates to the board ``box``, without pauses."""
    plan = load_plan(project)
    with Tools(project, plan.board("box")) as tools:
        yield send.Updater(tools, pause=lambda seconds: None)
