"""Each cluster in ``examples/``: its check, its tests, and the behaviour that it shows."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.helpers.brokers import LOGIN, Broker
from tests.helpers.mail import Mail
from torpor_sim import Simulator
from torpor_tools.contracts import load_plan
from torpor_tools.link import build
from torpor_tools.testing import simulator

EXAMPLES = Path(__file__).parents[2] / "examples"
BIN = Path(sys.executable).parent
FOLDERS = sorted(path.parent.name for path in EXAMPLES.glob("*/cluster.toml"))


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


def copied(name: str, folder: Path) -> Path:
    """Copy an example as a user would, and give it a key if its boards call each other."""
    target = folder / name
    shutil.copytree(EXAMPLES / name, target, ignore=shutil.ignore_patterns("build", ".torpor"))
    if (target / "cluster.toml").read_text().count("[boards.") > 1:
        (target / "secrets.toml").unlink(missing_ok=True)
        assert run(target, "torpor", "secrets", "init").returncode == 0
    return target


def run(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TORPOR_WIFI_SSID": "net"}  # otherwise each board has a note
    command = [str(BIN / program), *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


@pytest.mark.parametrize("name", [name for name in FOLDERS if name != "greenhouse"])
def test_an_example_has_no_mistakes_and_its_tests_pass(name: str, tmp_path: Path) -> None:
    folder = copied(name, tmp_path)
    checked = run(folder, "torpor", "check")
    assert (checked.returncode, checked.stderr) == (0, ""), checked
    tests = run(folder, "pytest", "-q", "-p", "no:cacheprovider")
    assert tests.returncode == 0, tests.stdout
    assert re.search(r"^\d+ passed", tests.stdout, re.MULTILINE), tests.stdout


def test_the_list_names_each_example() -> None:
    listed = re.findall(r"^\| `(\w+)` \|", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert sorted(listed) == FOLDERS


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Mail]:
    """Run the example ``door`` with a real broker and a gateway. The helper names its board."""
    root = copied("door", tmp_path_factory.mktemp("door"))
    broker = Broker("nats", root / "broker")
    toml = (root / "cluster.toml").read_text().replace("boards.hall", "boards.box")
    toml = re.sub(r'gateway = "127.0.0.1" .*', f'url = "{broker.where.url}"', toml)
    (root / "cluster.toml").write_text(toml)
    login = "".join(f'{key} = "{value}"\n' for key, value in LOGIN.items())
    (root / "secrets.toml").write_text(f"[mailbox]\n{login}")
    plan = load_plan(root)
    image = build(plan, "box", root / "build", types=False)
    broker.start()
    try:
        async with Simulator([image], ports="os", storage=root / "sim") as sim:
            sim.board("box").inputs.pin(4, 1)
            mail = Mail(plan, broker, sim)
            async with mail.opened() as gateway, mail.client(gateway) as http:
                mail.gateway, mail.http = gateway, http
                await mail.known("awake", "asleep")
                yield mail
    finally:
        broker.kill()


async def test_a_door_that_opens_wakes_the_board_and_is_stored(door: Mail) -> None:
    await door.sleeps()
    parked = asyncio.create_task(door.http.get("/openings"))
    async with asyncio.timeout(30), door.http.stream("GET", "/~events") as stream:
        lines = stream.aiter_lines()
        door.wake()
        while (line := await anext(lines)) in ("", ":"):
            pass
        assert (line, (await anext(lines))[:11]) == ("event: DoorOpened", 'data: {"at"')
    response = await parked
    assert response.status_code == 200
    while not response.json()["times"]:  # the request may run before the wake method
        response = await door.http.get("/openings")
    assert response.json()["today"] == 1


async def test_a_request_waits_in_the_mailbox_while_the_board_sleeps(door: Mail) -> None:
    door.close()
    await door.sleeps()
    key = {"Idempotency-Key": "paint"}
    parked = asyncio.create_task(door.http.post("/note", json={"text": "painted"}, headers=key))
    door.wake()
    first = await parked
    again = await door.http.post("/note", json={"text": "painted"}, headers=key)
    assert first.status_code == 200
    assert again.json() == first.json()


async def test_a_caller_survives_the_loss_of_one_replica(tmp_path: Path) -> None:
    async with (
        simulator(copied("replica", tmp_path)) as sim,
        sim.http("hall") as hall,
    ):
        assert (await hall.get("/sign/mon")).json() == {"text": "Opens at 8:00"}
        assert (await hall.get("/sign/sun")).status_code == 404
        sim.kill("attic")
        assert (await hall.get("/sign/fri")).json() == {"text": "Opens at 7:00"}
        sim.kill("cellar")
        assert (await hall.get("/sign/fri")).status_code in (503, 504)
        await sim.revive("attic")
        while (await hall.get("/sign/fri")).status_code != 200:
            await asyncio.sleep(0.1)
