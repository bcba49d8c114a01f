"""One emulated board at a time: between processes, and when the one before is killed."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE

import pytest

from torpor_sim import emulator_lock
from torpor_sim.emulator_lock import EmulatorLock
from torpor_tools.errors import UserError

HOLD = """
import asyncio, sys
from torpor_sim import emulator_lock
emulator_lock._NAME = sys.argv[1]
asyncio.run(emulator_lock.EmulatorLock().acquire())
print("held", flush=True)
sys.stdin.read()
"""


async def test_the_lock_is_acquired_when_its_holder_ends(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    name = f"torpor-test-{tmp_path_factory.getbasetemp().name}-{id(monkeypatch)}.lock"
    monkeypatch.setattr(emulator_lock, "_NAME", name)
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, name, stdin=PIPE, stdout=PIPE
    )
    assert other.stdout
    assert await other.stdout.readline() == b"held\n"
    waits: list[str] = []
    mine = EmulatorLock()
    acquiring = asyncio.create_task(mine.acquire(lambda: waits.append("once")))
    while not waits:
        await asyncio.sleep(0.01)
    assert not acquiring.done()
    other.kill()
    await other.wait()
    await acquiring
    monkeypatch.setattr(emulator_lock, "_LONGEST_S", 0.0)
    with pytest.raises(UserError, match="another emulated board runs on this computer"):
        await EmulatorLock().acquire()
    mine.release()
    later = EmulatorLock()
    monkeypatch.setattr(emulator_lock, "_LONGEST_S", 10.0)
    await later.acquire(lambda: waits.append("again"))
    later.release()
    assert waits == ["once"]
