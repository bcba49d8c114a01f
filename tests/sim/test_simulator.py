"""Several boards at once, their clients, and continuing with other images."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import pytest

from tests.sim import tiny
from torpor_sim import LogLine, Simulator
from torpor_tools.errors import UserError
from torpor_tools.model.image import Image


def _server(folder: Path, board: str, says: str, **ports: int) -> Image:
    numbers = ", ".join(map(str, ports.values()))
    source = tiny.SERVER + f"def answer(path): return {says!r}\nasyncio.run(serve({numbers}))"
    return tiny.image(folder, source, tiny.plan(board, dict(ports)))


async def test_every_board_is_a_process_with_its_own_address(tmp_path: Path) -> None:
    received: list[LogLine] = []
    images = [_server(tmp_path / name, name, name, **{name: 8001}) for name in ("shed", "barn")]
    async with Simulator(images, ports="os", log=received.append) as sim:
        answers = {(await sim.http(name).get("/")).text for name in ("shed", "barn")}
        addresses = [board.place.address for board in sim.boards]
        assert sim.http("barn") is sim.http("barn")
        assert [(b.name, s.name, url) for b, s, url in sim.services()] == [
            ("shed", "shed", sim.url("shed")),
            ("barn", "barn", sim.url("barn")),
        ]
        with pytest.raises(KeyError):
            sim.url("cellar")
    assert answers == {"shed", "barn"}
    assert addresses == ["127.0.1.1", "127.0.1.2"]
    assert {line.board for line in received if line.text == "ready"} == {"shed", "barn"}


async def test_ports_are_those_of_the_cluster_unless_given(tmp_path: Path) -> None:
    async with Simulator([_server(tmp_path, "shed", "here", web=8001)], ports="os") as first:
        number = first.board("shed").place.ports[8001]
        image = _server(tmp_path / "2", "shed", "fixed", web=number)
        with pytest.raises(UserError, match="is taken by another program"):
            async with Simulator([image]):
                pass
        async with Simulator([image], bind="127.0.0.77") as second:
            assert second.url("web") == f"http://127.0.0.77:{number}"
            assert (await second.http("web").get("/")).text == "fixed"


async def test_nothing_is_left_after_a_failed_start(tmp_path: Path) -> None:
    good = _server(tmp_path / "1", "shed", "x", web=8001)
    bad = tiny.image(tmp_path / "2", "1 / 0", tiny.plan("barn"))
    sim = Simulator([good, bad], ports="os", storage=tmp_path / "sim")
    with pytest.raises(UserError, match="ZeroDivisionError"):
        await sim.__aenter__()
    assert sim.boards == ()
    async with Simulator([good], storage=tmp_path / "sim", ports="os"):
        pass


async def test_an_update_restarts_only_changed_boards(tmp_path: Path) -> None:
    shed = _server(tmp_path / "shed", "shed", "old", shed=8001)
    barn = _server(tmp_path / "barn", "barn", "barn", barn=8001)
    async with Simulator([shed, barn], ports="os") as sim:
        url = sim.url("shed")
        client = sim.http("shed")
        changed = _server(tmp_path / "shed2", "shed", "new", shed=8001, attic=8002)
        cellar = _server(tmp_path / "cellar", "cellar", "deep", cellar=8001)
        process = sim.board("barn").pid
        await sim.update([changed, barn, cellar])
        assert sim.url("shed") == url
        assert sim.http("shed") is client
        assert (await client.get("/")).text == "new"
        assert (await sim.http("attic").get("/")).text == "new"
        assert (await sim.http("cellar").get("/")).text == "deep"
        assert sim.board("barn").pid == process
        await sim.update([changed])
        assert [board.name for board in sim.boards] == ["shed"]
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient(trust_env=False) as anybody:
                await anybody.get(f"http://127.0.1.2:{barn.board.services[0].port}")


async def test_an_image_that_crashes_is_reported_and_the_next_one_runs(tmp_path: Path) -> None:
    good = _server(tmp_path / "1", "shed", "good", web=8001)
    bad = tiny.image(tmp_path / "2", "1 / 0", good.board)
    async with Simulator([good], ports="os") as sim:
        with pytest.raises(UserError, match="crashed before it was ready: ZeroDivisionError"):
            await sim.update([bad])
        await sim.update([good])
        assert (await sim.http("web").get("/")).text == "good"


async def test_a_board_that_never_becomes_ready_is_reported_with_its_log(tmp_path: Path) -> None:
    image = tiny.image(tmp_path, "print('still joining')\nimport time\ntime.sleep(1000)")
    sim = Simulator([image])
    sim.start()
    await sim.board("shed").wait_log("still")
    with pytest.raises(TimeoutError, match=r"not ready within 0.1 s; its log:\n  still joining"):
        await sim.ready(0.1)
    await sim.stop()


async def test_a_board_keeps_its_port_while_it_restarts(tmp_path: Path) -> None:
    async with Simulator([_server(tmp_path, "shed", "x", web=8001)], ports="os") as sim:
        client = sim.http("web")
        for _ in range(3):
            assert (await client.get("/")).text == "x"
            await sim.board("shed").reset()
        assert sim.board("shed").starts == 4
        assert not sim.board("shed").crashes


async def test_power_cuts_at_any_instant_leave_a_board_that_starts(tmp_path: Path) -> None:
    async with Simulator([_server(tmp_path, "shed", "x", web=8001)], ports="os") as sim:
        board = sim.board("shed")
        for i in range(20):
            board.kill()
            await asyncio.sleep(i / 400)  # at another point of the start each time
        await board.ready()
        assert (await sim.http("web").get("/")).text == "x"
        assert not board.crashes
