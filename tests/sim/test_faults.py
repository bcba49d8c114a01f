"""Boards that die and links that fail, asked for in the program and from another process."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from tests.sim import tiny
from torpor_sim import Simulator
from torpor_sim.faults import Faults, change_faults
from torpor_tools.cli import run
from torpor_tools.errors import UserError
from torpor_tools.model.image import Image

ASK = """
import asyncio, socket
from asyncio import core

def answer(path):
    return "hello"

async def ask():
    reader, writer = await asyncio.open_connection("shed.local", 8001)
    try:
        writer.write(b"GET / HTTP/1.0\\r\\n\\r\\n")
        await writer.drain()
        data = await reader.read(-1)
        print("        1 INFO  ask: heard %s" % data[-5:].decode())
    except OSError as e:
        print("        1 INFO  ask: failed %s" % e)
    finally:
        writer.close()

async def main():
    asyncio.create_task(serve(8002))
    while True:
        await ask()
        await asyncio.sleep_ms(20)

asyncio.run(main())
"""


def boards(root: Path) -> list[Image]:
    """``shed`` says hello at port 8001, ``barn`` asks it again and again and logs the answer."""
    shed = (
        tiny.ANNOUNCE + tiny.SERVER + "def answer(path): return 'hello'\nasyncio.run(serve(8001))"
    )
    return [
        tiny.image(root / "1", shed, tiny.plan("shed", {"web": 8001})),
        tiny.image(root / "2", tiny.SERVER + ASK, tiny.plan("barn", {"asker": 8002})),
    ]


async def wait_heard(sim: Simulator, text: str = "heard hello") -> float:
    """Wait for the next such line of barn; return how many seconds that took."""
    barn = sim.board("barn")
    began = time.monotonic()
    await barn.wait_log(text, since=barn.log.mark())
    return time.monotonic() - began


async def silent(sim: Simulator, seconds: float = 0.4) -> bool:
    barn = sim.board("barn")
    mark = barn.log.mark()
    await asyncio.sleep(seconds)
    return "heard" not in "".join(map(str, barn.log.since(mark)))


async def test_boards_find_each_other_by_name(tmp_path: Path) -> None:
    async with Simulator(boards(tmp_path), ports="os") as sim:
        await wait_heard(sim)
    async with Simulator(boards(tmp_path / "2"), ports="os", direct=True) as sim:
        await wait_heard(sim)


async def test_a_partition_loses_all_packets_and_heals(tmp_path: Path) -> None:
    async with Simulator(boards(tmp_path), ports="os") as sim:
        await wait_heard(sim)
        sim.partition("barn", "shed")
        await asyncio.sleep(0.1)  # for packets that are on their way
        assert await silent(sim)
        assert (await sim.http("web").get("/")).text == "hello"  # others reach it
        sim.heal("shed", "barn")
        await wait_heard(sim)
        with pytest.raises(KeyError):
            sim.partition("barn", "attic")


async def test_a_board_without_power_is_silent_until_it_is_back(tmp_path: Path) -> None:
    async with Simulator(boards(tmp_path), ports="os") as sim:
        await wait_heard(sim)
        sim.kill("shed")
        await asyncio.sleep(0.1)
        assert await silent(sim)
        with pytest.raises(httpx.ConnectError):
            await sim.http("web").get("/")
        await sim.revive("shed")
        await wait_heard(sim)
        assert sim.board("shed").starts == 2


async def test_latency_is_added_each_way(tmp_path: Path) -> None:
    async with Simulator(boards(tmp_path), ports="os") as sim:
        await wait_heard(sim)
        sim.delay("barn", "shed", 150)
        await wait_heard(sim)
        assert await wait_heard(sim) > 0.3  # it cannot be faster than its packets


async def test_lost_packets_arrive_later(tmp_path: Path) -> None:
    async with Simulator(boards(tmp_path), ports="os") as sim:
        sim.lose("barn", "shed", 0.3)
        for _ in range(5):
            await wait_heard(sim)


async def test_another_process_can_inject_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cluster.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    storage = tmp_path / "build" / "sim"

    async def torpor(*words: str) -> int:
        return await asyncio.to_thread(run, ["fault", *words])

    assert await torpor("kill", "shed") == 1
    assert "torpor sim is not running here" in capsys.readouterr().err
    async with Simulator(boards(tmp_path / "images"), ports="os", storage=storage) as sim:
        await wait_heard(sim)
        assert await torpor("partition", "barn", "shed") == 0
        assert "nothing passes between barn and shed" in capsys.readouterr().out
        assert not sim._links.between("shed", "barn").is_plain
        await asyncio.sleep(0.1)
        assert await silent(sim)
        assert await torpor("heal", "shed", "barn") == 0
        await wait_heard(sim)
        assert await torpor("delay", "barn", "shed", "10") == 0
        assert await torpor("lose", "barn", "shed", "5") == 0
        assert sim._links.between("shed", "barn").loss == 0.05
        assert sim._links.between("shed", "barn").latency_s == 0.01
        assert await torpor("kill", "shed") == 0
        assert not sim.board("shed").is_ready
        assert "torpor fault revive shed" in capsys.readouterr().out
        assert await torpor("revive", "shed") == 0
        assert sim.board("shed").is_ready
        await wait_heard(sim)
        assert await torpor("kill", "attic") == 1
        assert "no board attic is simulated" in capsys.readouterr().err
        assert await torpor("partition", "shed", "shed") == 1
    async with Simulator(boards(tmp_path / "again"), ports="os", storage=storage) as sim:
        await wait_heard(sim)  # the broken connection is closed


def test_a_missing_simulator(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no board shed is simulated"):
        change_faults(tmp_path, ("shed",), lambda faults: setattr(faults, "off", ["shed"]))
    assert Faults().link("b", "a") is not None
