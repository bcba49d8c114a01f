"""Starts that take a long time."""

from __future__ import annotations

from pathlib import Path

from tests.helpers.running import running, write_cluster

SLOW = """
import asyncio

from torpor import Service


class {}(Service):
    async def start(self) -> None:
        await asyncio.sleep({})
"""


def test_a_start_that_does_not_end_is_named_in_the_log(tmp_path: Path) -> None:
    sources = {
        name: SLOW.format(name.capitalize(), seconds)
        for name, seconds in {"quick": 0, "slow": 12, "brief": 2}.items()
    }
    with running(write_cluster(tmp_path, sources), speed=20) as run:
        log = run.log_text("box")
    assert "WARN slow: its start has not ended yet" in log
    assert log.count("has not ended") <= 2
    assert "quick" not in log.partition("http:")[0]
