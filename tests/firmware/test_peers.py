"""Promise 1: a call of a peer on the same chip is a plain method call; nothing is in between."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.running import running, write_cluster

CALLED = """
from torpor import Service


class Called(Service):
    async def who(self) -> int:
        return id(self)

    async def keep(self, row: dict) -> int:
        return id(row)
"""
CALLER = """
from services.called import Called
from torpor import Service, get


class Caller(Service):
    called: Called

    @get("/")
    async def look(self) -> dict[str, bool]:
        row = {"celsius": 4.5}
        return {
            "the_peer_itself": id(self.called) == await self.called.who(),
            "the_row_itself": id(row) == await self.called.keep(row),
        }
"""


@pytest.mark.parametrize("strict", [False, True])
def test_a_call_reaches_the_peer_itself_with_the_same_object(tmp_path: Path, strict: bool) -> None:
    """In strict mode, which encodes the arguments as on the wire, the test detects that."""
    root = write_cluster(tmp_path, {"called": CALLED, "caller": CALLER})
    with running(root, strict=strict) as cluster, cluster.client("caller") as http:
        plain = not strict
        assert http.get("/").json() == {"the_peer_itself": plain, "the_row_itself": plain}
