"""The size of the sample cluster's image."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.bench.lab import Lab
from tests.bench.registry import figure
from tests.helpers.running import write_cluster
from torpor_tools.model.image import Image

_SERVICE = """\
from driver import Meter
from torpor import Service, get


class {name}(Service):
    async def start(self) -> None:
        self._meter = Meter(7)

    @get("/{name}")
    async def read(self) -> int:
        return self._meter.read()
"""
_DRIVER = """\
class Meter:
    def __init__(self, address):
        self.address = address
        self.samples = []

    def read(self):
        self.samples.append(self.address)
        return sum(self.samples) // len(self.samples)
"""


@figure("image_bytes", unit="bytes", goal=100_000, better="lower")
def image_bytes(lab: Lab) -> float:
    """Measure the bytecode of the runtime, five services, the generated code and Microdot."""
    return lab.sample.sizes.compiled


@figure("shared_library_bytes", unit="bytes", goal=0, better="lower")
def shared_library_bytes(lab: Lab) -> float:
    """Measure the bytes that a driver adds a second time if two services use it.

    This is the image of two services that share a driver in ``lib/``, minus the image of the first
    one and minus the second one's own bytes: its code and its part of the wiring.
    """
    one, two = (_with_driver(lab, names) for names in (["first"], ["first", "second"]))
    own = two.sizes.row("second").compiled
    own += sum(row.compiled for row in two.sizes.of("wiring"))
    own -= sum(row.compiled for row in one.sizes.of("wiring"))
    assert one.sizes.row("driver").compiled > 0
    return two.sizes.compiled - one.sizes.compiled - own


def _with_driver(lab: Lab, names: list[str]) -> Image:
    root = Path(tempfile.mkdtemp(dir=lab.folder))
    write_cluster(root, {name: _SERVICE.format(name=name.title()) for name in names})
    (root / "lib").mkdir()
    (root / "lib" / "driver.py").write_text(_DRIVER)
    return lab.image(root)
