"""The costs of signed updates: bytes on the network, heap, time to verify the signature."""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import tempfile
import time
import zlib
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from tests.bench.lab import ROOT, Lab
from tests.bench.programs import started
from tests.bench.registry import figure
from tests.helpers import signing
from tests.helpers.running import write_cluster
from torpor_sim.emulated import ACCESS_POINT, EmulatedBoard
from torpor_tools.board.flash.catalogue import firmware
from torpor_tools.client.tools import Tools
from torpor_tools.contracts import load_plan
from torpor_tools.image import littlefs
from torpor_tools.image.flashable import flashable
from torpor_tools.image.tree import LISTING, read_tree
from torpor_tools.link import build, image_files
from torpor_tools.model.image import Image
from torpor_tools.update.manifest import Manifest, Terms, manifest, sent
from torpor_tools.update.send import PIECE, Updater

_WALL_S = 5400.0
_CHANGED = "services/alerts/__init__.mpy"
_CALLS = "calls.json"  # a line a call

# Finds how many free bytes in one piece the calls of an update need, each as its frame arrives:
# fewer each time, until they fail. The update begins when the start is over: the radio has joined
# and the clock is set. A second of the emulated board takes one or two minutes, so the steps are
# large.
_MEASURE = started("""
import gc, os, sys
from torpor import heap as policy
from torpor.update.signature import genuine as is_genuine
from hashlib import sha256

update = board.tools["update"]
calls = []
with open("/calls.json") as file:
    while True:
        at = file.tell()
        if not file.readline():
            break
        calls.append(at)


def refuse():
    raise RuntimeError("the board must not restart")


def begun(at):
    # As in rpc/serve.py, nothing of the frame is left. A coroutine would keep it on its stack.
    with open("/calls.json", "rb") as file:
        file.seek(at)
        frame = file.readline()
    return update(**json.loads(frame))


async def enough(room):
    await update("cancel")
    if ".counter" in os.listdir("/"):
        os.remove("/.counter")
    policy.collect()
    ballast = None
    if room:
        left = bytearray(room)  # in one piece; everything else is filled
        for more in (lambda: bytearray(64), lambda: None):
            try:
                while True:
                    ballast = (ballast, more())
            except MemoryError:
                pass
        left = None
    try:
        for at in calls:
            await begun(at)
        ballast = None
        await asyncio.sleep(1)  # the restart after the commit is refused and logged
        return True
    except MemoryError as e:
        ballast = None
        print(room, "bytes are not enough:", at)
        sys.print_exception(e)
        return False


board.save = refuse
await asyncio.sleep(8)
print("free:", gc.mem_free(), "in one piece:", policy.largest())
assert await enough(0)  # with all that is free
policy.collect()
with open("/signing.pub", "rb") as file:
    key = file.read(384)
with open("/signature", "rb") as file:
    signature = file.read()
with open("/.new/manifest", "rb") as file:
    digest = sha256(file.read()).digest()
policy.collect()  # as before a board verifies one
began = time.ticks_us()
genuine = is_genuine(digest, signature, key)
us = time.ticks_diff(time.ticks_us(), began)
print("verified in", us)
policy.collect()
print("free:", gc.mem_free(), "in one piece:", policy.largest())
least = 0
for room in (16384, 12000, 10500, 9000, 7500, 6000):
    if not await enough(room):
        break
    least = room
    print("enough:", room)
print("measured update", json.dumps([least, us, genuine]))
print(json.dumps([least, us, genuine]))
""")


@dataclass(frozen=True)
class _Costs:
    heap: int
    verify_us: float


def _project(lab: Lab) -> Path:
    """The sample with both keys."""
    root = Path(tempfile.mkdtemp(dir=lab.folder))
    for name in ("cluster.toml", "contracts.lock"):
        shutil.copy(ROOT / name, root)
    shutil.copytree(ROOT / "services", root / "services")
    (root / "secrets.toml").write_text(
        f'[wifi]\nssid = "{ACCESS_POINT}"\n\n[cluster]\nkeys = ["{"8f" * 32}"]\n'
    )
    signing.add_key(root)
    return root


def _update(root: Path) -> tuple[Image, dict[str, bytes], Manifest]:
    """The image of the project, and an update that changes a line of one service."""
    plan = load_plan(root)
    image = build(plan, "shed", root / "build", types=False)
    source = root / "services/alerts/__init__.py"
    source.write_text(source.read_text().replace("Raises an alert", "Raises another alert"))
    text = source.read_text()
    line = next(line for line in text.splitlines() if "self.log." in line)
    source.write_text(text.replace(line, line.replace('("', '("changed: ', 1)))
    files = image_files(load_plan(root), "shed")
    made = manifest(Terms(plan.cluster.name, "shed", 1, "1.27.0"), files)
    return image, sent(files), made


def _calls(made: Manifest, files: Mapping[str, bytes], paths: list[str]) -> list[dict[str, Any]]:
    """The calls of the update that sends the files of these paths."""
    text = made.text
    calls: list[dict[str, Any]] = [
        {"do": "head", "at": at, "data": _packed(text[at : at + 1024])}
        for at in range(0, len(text), 1024)
    ]
    signature = signing.signer().sign(text)
    calls.append({"do": "check", "signature": b64encode(signature).decode()})
    for line in made.lines:
        if line.path in paths:
            data = files[line.path]
            for at in range(0, max(1, len(data)), 1024):
                piece = _packed(data[at : at + 1024])
                calls.append({"do": "put", "line": line.place, "at": at, "data": piece})
    return [*calls, {"do": "commit"}]


def _packed(data: bytes) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -10)
    return b64encode(packer.compress(data) + packer.flush()).decode()


def _extra(made: Manifest, files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files that ``_MEASURE`` reads."""
    calls = _calls(made, files, [_CHANGED])
    lines = "".join(json.dumps(call) + "\n" for call in calls)
    return {
        _CALLS: lines.encode(),
        "signature": signing.signer().sign(made.text),
        "main.py": _MEASURE.encode(),
    }


def costs(lab: Lab) -> _Costs:
    return asyncio.run(_costs(_project(lab)))


async def _costs(root: Path) -> _Costs:
    image, files, made = _update(root)
    board = image.board.board
    # Only the service differs: the calls with the list of the files would not fit next to it.
    files |= {"main.py": _MEASURE.encode(), LISTING: (image.tree / LISTING).read_bytes()}
    made = manifest(Terms("fridge-monitor", "shed", 1, "1.27.0"), files)
    packed = littlefs.pack({**read_tree(image.tree), **_extra(made, files)}, board.filesystem)
    (root / "board.uf2").write_bytes(flashable(board, firmware(board).read_bytes(), packed))
    async with EmulatedBoard(uf2=root / "board.uf2", forwards={}) as emulated:
        line = await emulated.wait_line("measured update ", _WALL_S)
    heap, us, genuine = json.loads(line.text.partition("measured update ")[2])
    assert genuine
    assert heap
    return _Costs(heap, us)


@figure("update_one_service_bytes_over_image", unit="ratio", goal=0.15, better="lower")
def update_one_service_bytes_over_image(lab: Lab) -> float:
    """Bytes of the calls that update one of the sample's five services, after a changed line."""
    image, files, made = _update(_project(lab))
    before = sent(read_tree(image.tree))
    paths = [path for path, data in files.items() if before.get(path) != data]
    calls = _calls(made, files, paths)
    total = sum(len(json.dumps(call, separators=(",", ":"))) + 40 for call in calls)
    return total / sum(map(len, files.values()))


_COPY = """
from torpor import Service, post


class Copy(Service):
    @post("/parts/<name>")
    async def part(self, name: str, at: int, data: str) -> None:
        with open("/" + name, "a" if at else "w") as file:
            file.write(data)
"""
_LARGE = 100_000  # bytes of the file that is sent


@figure("update_time_over_copy", unit="ratio", goal=1.5, better="lower")
def update_time_over_copy(lab: Lab) -> list[float]:
    """An update of 100 kB over posting the same bytes as JSON to a service that appends them.

    Both have pieces of 1 kB on one connection to the simulated board, whose flash takes no time.
    The update is everything until the board could restart: manifest, signature, files.
    """
    root = write_cluster(Path(tempfile.mkdtemp(dir=lab.folder)) / "copy", {"copy": _COPY})
    (root / "secrets.toml").write_text(f'[cluster]\nkeys = ["{"8f" * 32}"]\n')
    signing.add_key(root)
    plan = load_plan(root)
    board = plan.board("box")
    running = lab.served(build(plan, "box", root / "build", types=False))
    host, port = running.address("copy")
    data = random.Random(0).randbytes(_LARGE // 2).hex().encode()
    files = {**sent(image_files(plan, "box")), "zz.txt": data}
    made = manifest(Terms("test", "box", 1, "1.27.0"), files)
    signature = signing.signer().sign(made.text)
    with Tools(root, board, f"{host}:{port}") as tools:
        updater = Updater(tools)
        web = HTTPConnection(host, port)

        def update() -> float:
            updater.ask("cancel")
            began = time.perf_counter()
            updater._send(made, signature, files, None)
            return time.perf_counter() - began

        def copy() -> float:
            began = time.perf_counter()
            for at in range(0, len(data), PIECE):
                text = json.dumps({"at": at, "data": data[at : at + PIECE].decode()})
                web.request("POST", "/parts/copy.txt", text, {"Content-Type": "application/json"})
                answer = web.getresponse()
                answer.read()
                assert answer.status < 300, answer.status
            return time.perf_counter() - began

        return lab.ratios(update, copy)


@figure("emulated_update_heap_bytes", unit="bytes", goal=12_000, better="lower")
def emulated_update_heap_bytes(lab: Lab) -> int:
    """Free heap in one piece that the calls of an update need on the emulated Pico W, in steps."""
    return lab.once(costs).heap


@figure("emulated_update_verify_ms", unit="ms", goal=350, better="lower")
def emulated_update_verify_ms(lab: Lab) -> float:
    """Time in which the emulated Pico W verifies a signature, by its own clock."""
    return lab.once(costs).verify_us / 1000
