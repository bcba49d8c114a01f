"""The sample cluster under many placements: with strict calls, and with an event."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.placements.test_placements import ROOT, torpor_test

pytestmark = pytest.mark.soak


def test_the_sample_under_forty_strict_placements() -> None:
    code, text = torpor_test(ROOT, "--placements", "40", "--strict", "-n", "2")
    assert code == 0, text
    assert " 480 passed" in text


# Instead of its own schedule, ``alerts`` subscribes to an event of ``readings``. The sample has
# none, because it would take 1.2 kB of the image and 1.9 kB of the heap.
EVENT = {
    "readings": {
        "from torpor import Fault": "from torpor import Event, Fault",
        "\n\nclass Readings(Service)": "\n\nclass Sampled(Event):\n    samples: int\n\n\n"
        "class Readings(Service)",
        "        if clock.synced()": "        await self.publish(Sampled(samples=self._samples))\n"
        "        if clock.synced()",
    },
    "alerts": {
        "import Readings": "import Readings, Sampled",
        "every, get, post": "get, on, post",
        "    @every(seconds=5)\n": "    @on(Sampled)\n"
        "    async def on_sample(self, event: Sampled) -> None:\n"
        "        await self.check()\n\n",
    },
}


def with_event(root: Path) -> Path:
    """Copy the sample and add the event."""
    for name in ("services", "tests/cluster"):
        shutil.copytree(ROOT / name, root / name)
    for name in ("cluster.toml", "contracts.lock"):
        shutil.copy(ROOT / name, root / name)
    for service, edits in EVENT.items():
        file = root / "services" / service / "__init__.py"
        text = file.read_text()
        for old, new in edits.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        file.write_text(text)
    return root


def test_the_sample_with_an_event_under_twenty_placements(tmp_path: Path) -> None:
    root = with_event(tmp_path)
    code, text = torpor_test(root, "--placements", "20", "--seed", "20261124", "-n", "2")
    assert code == 0, text
    assert " 240 passed" in text
