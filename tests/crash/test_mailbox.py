"""A request is neither lost nor executed twice, no matter what is killed."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.helpers.brokers import KINDS, Broker
from tests.helpers.cluster import ClusterBroker
from tests.helpers.storm import Ledger, Size, Storm
from torpor_tools import paths

SMALL = Size(requests=16, wakes=24, broker_kills=2, gateway_kills=2)
CUT = Size(requests=6, wakes=5, cuts=("begun",), calm_s=6)
DOUBLED = Size(requests=6, wakes=5, cuts=("sleep",), doubled=1)
NODES = Size(requests=12, wakes=12, broker_kills=2, cuts=("instant", "sleep"))
FULL = Size(requests=200, wakes=500, broker_kills=20, gateway_kills=20)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def storm(root: Path, kind: str, size: Size, ack_wait: str = "300ms") -> Ledger:
    if kind == "cluster":
        broker: Broker | ClusterBroker = ClusterBroker(root / "nodes")
    else:
        broker = Broker(kind, root / "broker", ack_wait=ack_wait)
    seed = random.randrange(1 << 32)
    print("seed", seed)
    ledger = await Storm(root, broker, size, seed).run()
    print(ledger)
    return ledger


def assert_exactly_once(ledger: Ledger, size: Size) -> None:
    assert ledger.lost(size.requests) == []
    assert ledger.twice() == []
    assert ledger.mixed_up() == []
    assert ledger.crashes == []
    assert ledger.wakes == size.wakes
    assert ledger.broker_kills == size.broker_kills
    assert ledger.gateway_kills == size.gateway_kills


@pytest.mark.parametrize("kind", KINDS)
async def test_exactly_once(tmp_path: Path, kind: str) -> None:
    assert_exactly_once(await storm(tmp_path, kind, SMALL), SMALL)


async def test_a_node_of_three_is_killed(tmp_path: Path) -> None:
    assert_exactly_once(await storm(tmp_path, "cluster", NODES), NODES)


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
async def test_exactly_once_long(tmp_path: Path, kind: str) -> None:
    assert_exactly_once(await storm(tmp_path, kind, FULL, "2s"), FULL)


def spoiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str) -> None:
    """Build images from a runtime in which ``old`` has been replaced."""
    copy = tmp_path / "firmware"
    shutil.copytree(paths.firmware_dir(), copy)
    text = (copy / file).read_text()
    assert text.count(old) == 1
    (copy / file).write_text(text.replace(old, new))
    monkeypatch.setattr(paths, "firmware_dir", lambda: copy)


EARLY = (
    "torpor/mqtt/mailbox.py",
    "            await self._respond(message)\n",
    "            self._acknowledge(message.number)\n"
    + "            await self._respond(message)\n",
)
FORGETFUL = (
    "torpor/mqtt/execute.py",
    "        known = self._windows.get(id)\n",
    "        known = None\n",
)


async def test_a_request_acknowledged_before_the_handler_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled(tmp_path, monkeypatch, *EARLY)
    ledger = await storm(tmp_path / "cluster", "nats", CUT)
    assert ledger.lost(CUT.requests)


async def test_without_the_window_a_request_is_executed_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoiled(tmp_path, monkeypatch, *FORGETFUL)
    ledger = await storm(tmp_path / "cluster", "nats", DOUBLED)
    assert ledger.twice()
