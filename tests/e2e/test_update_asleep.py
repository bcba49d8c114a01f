"""``torpor update`` to a board that sleeps: the gateway carries the update, wake by wake."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import Result

from tests.helpers import signing, updates
from tests.helpers.brokers import Broker
from tests.helpers.mail import Mail, mail
from tests.helpers.updates import KEY
from torpor_tools.errors import UserError
from torpor_tools.gateway import update_calls

STATE = "for peers only"  # the text that differs between the versions
LOW = "--allow-low-heap"  # the simulated board has PSRAM, which its type does not count
ITEMS = """
from torpor import Service, get, on_wake


class Items(Service):
    @get("/items")
    async def all(self) -> str:
        return "for peers only"

    @on_wake(pin=4, level=0)
    async def opened(self) -> None:
        pass
"""


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def box(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mail]:
    root = tmp_path_factory.mktemp("cluster")
    signing.add_key(root)
    broker = Broker("nats", root / "broker")
    kind = "ESP32_GENERIC_S3"
    async with mail(root, broker, source=ITEMS, board=kind, keys=(KEY,), psram=True) as found:
        yield found


async def tool(box: Mail, *words: str) -> Result:
    return await asyncio.to_thread(updates.tool, box.plan.cluster.root, *words)


async def update(box: Mail, text: str, more: str = "") -> tuple[Result, int]:
    """Update the board and wake it until that ends; return the result and the number of wakes."""
    source = ITEMS.replace(STATE, text) + more
    (box.plan.cluster.root / "services/items/__init__.py").write_text(source)
    words = ("update", "--no-types", "--confirm", "1", LOW)
    task = asyncio.create_task(tool(box, *words))
    carried = 0
    while not task.done():
        await wake(box, cut=carried == 1)
        carried += is_under_way(box)
    return await task, carried


def is_under_way(box: Mail) -> bool:
    return box.gateway._couriers._all["box"].report.pending is not None


async def wake(box: Mail, cut: bool = False) -> None:
    """Wake the board, cut its power if ``cut``, and wait until it sleeps again."""
    await box.sleeps()
    mark = box.board.trace.mark()
    # A board that fell asleep while its door was open wakes when the door closes.
    box.board.inputs.pin(4, 1 - (box.board.inputs.level(4) or 0))
    async with asyncio.timeout(60):
        if cut:
            while not any(e["event"] == "ready" for e in box.board.trace.since(mark)):
                await asyncio.sleep(0.01)
            box.sim.kill("box")
            await box.sim.revive("box")
        while not any(e["event"] == "deepsleep" for e in box.board.trace.since(mark)):
            await asyncio.sleep(0.02)


async def test_an_update_takes_as_many_wakes_as_it_needs(
    box: Mail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(update_calls, "WAKE_CALLS", 10)
    monkeypatch.setattr(update_calls, "_SETTLE_S", 0.05)
    await wake(box)
    before = box.board.starts
    done, wakes = await update(box, "another " * 200)
    assert done.exit_code == 0, (done.output, repr(done.exception))
    assert "the gateway has the update" in done.output
    assert "is confirmed" in done.output
    assert wakes >= 2
    assert box.board.starts > before + 2
    shown = (await tool(box, "update", "--status")).output.splitlines()
    assert shown[0].split() == ["board", "build", "pending", "contact", "state"]
    build = re.search(r"-> (\w+)", done.output)
    assert build
    now = r"\d{4}-\d\d-\d\d \d\d:\d\d"
    assert re.fullmatch(rf"box +{build[1]} +{now} +sleeps between wakes", shown[1].strip())


async def test_an_update_that_replaces_another_one_says_so(box: Mail) -> None:
    source = box.plan.cluster.root / "services/items/__init__.py"
    source.write_text(ITEMS.replace(STATE, "first"))
    left = await tool(box, "update", "--no-types", "--confirm", "1", "--no-wait", LOW)
    assert left.exit_code == 0, (left.output, repr(left.exception))
    build = re.search(r"-> (\w+)", left.output)
    assert build
    plan = await tool(box, "update", "--no-types", "--dry-run", LOW)
    assert f"build {build[1]} (waits for the board to wake) is on its way to box" in plan.stderr
    done, _ = await update(box, "second")
    assert "is on its way to box" in done.stderr
    assert done.exit_code == 0, (done.output, repr(done.exception))
    plan = await tool(box, "update", "--no-types", "--dry-run", LOW)
    assert "on its way" not in plan.stderr


async def test_a_bad_update_is_rolled_back_and_the_reason_reported(box: Mail) -> None:
    bad = "\n    async def healthy(self) -> bool:\n        return False\n"
    failed, _ = await update(box, "bad", bad)
    assert isinstance(failed.exception, UserError), failed.output
    assert "box went back to build" in str(failed.exception)
    assert "items.healthy: False" in str(failed.exception)
    shown = (await tool(box, "update", "--status")).output
    assert "not kept: went back to build" in shown
    plan = await tool(box, "update", "--no-types", "--dry-run", LOW)
    assert "services/items/__init__.mpy" in plan.output, repr(plan.exception)


async def test_a_board_that_was_built_without_the_key_is_named(tmp_path: Path) -> None:
    broker = Broker("nats", tmp_path / "broker")
    kind = "ESP32_GENERIC_S3"
    async with mail(tmp_path, broker, source=ITEMS, board=kind, keys=(KEY,), psram=True) as box:
        signing.add_key(tmp_path)
        shown = (await tool(box, "update", "--status")).output
        assert "no gateway has reported what it runs: start torpor gateway" in shown
        async with box.opened() as gateway:
            while not gateway._couriers._all["box"].report.keyless:
                await wake(box)
            shown = (await tool(box, "update", "--status")).output
            refused = await tool(box, "update", "--no-types", LOW)
        what = "box was built without signing.pub: build it and flash it once"
        remedy = "torpor build, then torpor flash box; then start torpor gateway again"
        assert f"{what}: {remedy}" in shown
        assert isinstance(refused.exception, UserError), refused.output
        [problem] = refused.exception.problems
        assert problem.what == what
        assert problem.remedy.startswith(remedy)


async def test_an_unsigned_update_is_dropped(box: Mail, caplog: pytest.LogCaptureFixture) -> None:
    topics = box.gateway._topics
    await box.gateway.broker.publish(topics.update("box"), b"no update", retain=True)
    async with asyncio.timeout(30):
        while "the update for box is dropped" not in caplog.text:
            await asyncio.sleep(0.02)
    assert not is_under_way(box)


async def test_the_gateway_tells_why_it_does_not_take_an_update(box: Mail) -> None:
    root = box.plan.cluster.root
    signing.add_key(root, 1)  # the gateway still has the keys from before
    try:
        refused = await tool(box, "update", "--no-types", LOW)
        shown = (await tool(box, "update", "--status")).output
    finally:
        signing.add_key(root)
    text = str(refused.exception)
    assert "the gateway refuses the update for box: it is not signed with a key of" in text
    assert "start torpor gateway with the current signing.pub" in text
    assert "not kept: it is not signed with a key of signing.pub" in shown
