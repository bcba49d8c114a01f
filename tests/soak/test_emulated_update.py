"""Updates of a service over the emulated Wi-Fi, on the official Pico W firmware with the sample.

The emulator is about 40 times slower than the chip, so this takes most of an hour: ``make soak``
runs it. The access point and the network are emulated; the board's own code, from the driver of the
radio upwards, is that of a Pico W.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import Result

from tests.helpers import signing, updates
from torpor_sim.emulated import ACCESS_POINT, EmulatedBoard
from torpor_tools.board.flash.catalogue import firmware
from torpor_tools.client import tools
from torpor_tools.client.tools import Tools
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError
from torpor_tools.image import littlefs
from torpor_tools.image.flashable import flashable
from torpor_tools.image.tree import read_tree
from torpor_tools.link import build
from torpor_tools.update import send

pytestmark = [pytest.mark.soak, pytest.mark.emulated]

ROOT = Path(__file__).parents[2]
ALERTS, DEVICE = 8003, 8004
WALL_S = 3600.0
CHECK = '        """Judge every fridge by its newest reading."""\n'


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@dataclass
class Fridge:
    """The sample's project and the board that runs it."""

    root: Path
    board: EmulatedBoard

    async def update(self, confirm_s: int) -> Result:
        host, port = self.board.address(ALERTS)
        words = ["update", "shed", "--no-types"]
        words += ["--at", f"{host}:{port}", "--confirm", str(confirm_s)]
        return await asyncio.to_thread(updates.tool, self.root, *words)

    async def device(self) -> dict[str, Any]:
        async with httpx.AsyncClient(timeout=WALL_S, trust_env=False) as http:
            response = await http.get(self.board.url(DEVICE) + "/device")
        info: dict[str, Any] = response.raise_for_status().json()
        return info

    def change(self, old: str, new: str) -> None:
        source = self.root / "services/alerts/__init__.py"
        text = source.read_text()
        assert text.count(old) == 1
        source.write_text(text.replace(old, new))


@pytest.fixture(scope="module")
async def fridge(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fridge]:
    root = tmp_path_factory.mktemp("cluster")
    for name in ("cluster.toml", "contracts.lock"):
        shutil.copy(ROOT / name, root)
    shutil.copytree(ROOT / "services", root / "services")
    secrets = f'[wifi]\nssid = "{ACCESS_POINT}"\npassword = "anything"\n'
    (root / "secrets.toml").write_text(f'{secrets}[cluster]\nkeys = ["{updates.KEY}"]\n')
    signing.add_key(root)
    image = build(load_plan(root), "shed", root / "build", types=False)
    kind = image.board.board
    packed = littlefs.pack(read_tree(image.tree), kind.filesystem)
    (root / "board.uf2").write_bytes(flashable(kind, firmware(kind).read_bytes(), packed))
    async with EmulatedBoard(uf2=root / "board.uf2", forwards={ALERTS: 0, DEVICE: 0}) as board:
        await board.wait_line("kernel: ready", WALL_S)
        await board.wait_line("net: joined as 10.0.0.2", WALL_S)
        yield Fridge(root, board)


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for the emulator as long as it takes; time-outs on the board use its own clock."""
    ask = Tools.ask

    def slow(
        tools: Tools, tool: str, deadline_ms: int = 0, answer_s: float = 0, **arguments: Any
    ) -> Any:
        return ask(tools, tool, int(1000 * WALL_S), **arguments)

    monkeypatch.setattr(Tools, "ask", slow)
    monkeypatch.setattr(tools, "_CONNECT_S", 300.0)
    monkeypatch.setattr(send, "RESTART_S", WALL_S)


async def test_an_update_of_one_service_is_confirmed(fridge: Fridge) -> None:
    fridge.change('"alert %d acknowledged by %s"', '"alert %d was acknowledged by %s"')
    mark = fridge.board.log.mark()
    updating = asyncio.create_task(fridge.update(confirm_s=2))
    served = 0
    while fridge.board.starts == 1 and not updating.done():
        try:
            await fridge.device()
        except httpx.HTTPError:  # the board restarts
            break
        served += 1
        await asyncio.sleep(5)
    done = await updating
    log = "\n".join(map(str, fridge.board.log.since(mark)))
    assert done.exit_code == 0, (done.output, repr(done.exception), log)
    assert "is confirmed" in done.output
    assert "2 files to send" in done.output or "1 file to send" in done.output, done.output
    assert served, log
    print(done.output, "requests answered meanwhile:", served)


async def test_the_watchdog_ends_an_update_that_hangs(fridge: Fridge) -> None:
    fridge.change(CHECK, CHECK + "        while True:\n            pass\n")
    before = fridge.board.starts
    mark = fridge.board.log.mark()
    failed = await fridge.update(confirm_s=30)
    log = "\n".join(map(str, fridge.board.log.since(mark)))
    assert isinstance(failed.exception, UserError), (failed.output, log)
    assert "shed went back to build" in str(failed.exception), log
    assert "it was reset by the watchdog before it was confirmed" in str(failed.exception), log
    assert fridge.board.starts >= before + 3, log  # for the trial, by the watchdog, and to go back
    assert (await fridge.device())["failed"] == {}
    print(failed.exception, log)
