"""One emulated board at a time: between processes, and when the one before is killed."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest

from torpor_sim import turn
from torpor_sim.turn import Turn
from torpor_tools.errors import UserError

HOLD = """
import asyncio, sys
from torpor_sim import turn
turn._NAME = sys.argv[1]
asyncio.run(turn.Turn().take())
print("held", flush=True)
sys.stdin.read()
"""


async def test_a_turn_waits_for_the_end_of_the_one_before(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = f"torpor-test-{tmp_path_factory.getbasetemp().name}-{id(monkeypatch)}.lock"
    monkeypatch.setattr(turn, "_NAME", name)
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, name, stdin=PIPE, stdout=PIPE
    )
    assert other.stdout
    assert await other.stdout.readline() == b"held\n"
    waits: list[str] = []
    mine = Turn()
    taking = asyncio.create_task(mine.take(lambda: waits.append("once")))
    while not waits:
        await asyncio.sleep(0.01)
    assert not taking.done()
    other.kill()
    await other.wait()
    await taking
    monkeypatch.setattr(turn, "_PATIENCE_S", 0.0)
    with pytest.raises(UserError, match="another emulated board runs on this computer"):
        await Turn().take()
    mine.give_back()
    again = Turn()
    monkeypatch.setattr(turn, "_PATIENCE_S", 10.0)
    await again.take(lambda: waits.append("again"))
    again.give_back()
    assert waits == ["once"]
