"""``torpor update --firmware`` against a simulated ESP32 with two firmware slots."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.helpers import signing
from tests.helpers.running import Running, running, write_cluster
from tests.helpers.slots import program
from tests.helpers.updates import add_keys, says, tool, updater_of
from torpor_tools.client.rpc import NotReachedError
from torpor_tools.client.tools import Tools
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError
from torpor_tools.image.app import read
from torpor_tools.update import send
from torpor_tools.update.firmware import (
    FirmwareManifest,
    FirmwareUpdater,
    firmware_manifest,
)
from torpor_tools.update.manifest import Terms

# Its health depends on the firmware that "runs": it fails with 1.28.1.
HELLO = """
import os

from torpor import Service, get


class Hello(Service):
    @get("/hello")
    async def hello(self) -> str:
        return os.uname().release

    async def healthy(self) -> bool:
        return os.uname().release != "1.28.1"
"""
PENDING, VALID, ABORTED = 1, 2, 4  # esp_ota_img_states_t


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("firmware"))


def make(root: Path, kind: str = "ESP32_GENERIC_S3") -> Path:
    write_cluster(root, {"hello": HELLO})
    config = root / "cluster.toml"
    config.write_text(config.read_text().replace("RPI_PICO_W", kind))
    add_keys(root)
    return root


@pytest.fixture(scope="module")
def board(project: Path) -> Iterator[Running]:
    with running(project, types=False, storage=project / "build" / "sim") as run:
        yield run


def update(project: Path, content: bytes, *words: str) -> Result:
    file = project / "firmware.bin"
    file.write_bytes(content)
    return tool(project, "update", "--firmware", str(file), "--confirm", "1", *words)


def starts(board: Running) -> list[tuple[str, str, list[list[int]]]]:
    """Return the slot, its version and the states in otadata at each start so far."""
    found = [e for e in board.sim.board("box").trace if e["event"] == "firmware"]
    return [(e["slot"], e.get("release", ""), e["states"]) for e in found]


def test_firmware_is_replaced_over_the_network_and_confirmed(board: Running, project: Path) -> None:
    first = says(board)
    plan = update(project, program("1.28.0"), "--dry-run")
    assert plan.exit_code == 0, repr(plan.exception)
    text = rf"box: MicroPython {first} in ota_0 -> 1.28.0 in ota_1: 20,\d+ bytes"
    assert re.search(text, plan.output), plan.output
    assert says(board) == first
    done = update(project, program("1.28.0"))
    assert done.exit_code == 0, (done.output, repr(done.exception), board.log_text("box"))
    assert "box: MicroPython 1.28.0 is confirmed" in done.output
    assert says(board) == "1.28.0"
    slot, release, states = starts(board)[-1]
    assert (slot, release) == ("ota_1", "1.28.0")
    assert PENDING in [state for _, state in states]
    board.kill("box")  # confirmed firmware survives a power cut
    assert says(board) == "1.28.0"
    slot, _, states = starts(board)[-1]
    assert slot == "ota_1"
    assert [state for _, state in states] == [VALID, VALID]
    again = update(project, program("1.29.0"))  # into the first slot
    assert again.exit_code == 0, (again.output, repr(again.exception), board.log_text("box"))
    assert (says(board), starts(board)[-1][0]) == ("1.29.0", "ota_0")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (program("1.28.1"), "hello.healthy: False"),
        (program("1.28.2", fault="crash"), "it did not start"),
        (program("1.28.3", fault="hang"), "it did not start"),
    ],
)
def test_bad_firmware_is_rolled_back(
    board: Running, project: Path, content: bytes, reason: str
) -> None:
    before, slot = says(board), starts(board)[-1][0]
    failed = update(project, content)
    assert isinstance(failed.exception, UserError), (failed.output, board.log_text("box"))
    assert f"box went back to the firmware in {slot}: {reason}" in str(failed.exception)
    assert "torpor crashes box" in str(failed.exception)
    assert says(board) == before
    assert ABORTED in [state for _, state in starts(board)[-1][2]]
    assert reason in tool(project, "update", "--status").output
    flash = project / "build/sim/box/flash"
    assert not (flash / ".trial").exists()


def test_a_power_cut_during_the_trial_rolls_back(
    board: Running, project: Path, remote: FirmwareUpdater, updater: send.Updater
) -> None:
    before, slot = says(board), remote.slots()
    made = written(project, updater.status(), program("1.28.4"), confirm_s=30)
    start = board.sim.board("box").starts
    remote.send(made, signing.signer().sign(made.text))
    board.wait_ready("box", start + 1)
    assert says(board) == "1.28.4"
    with pytest.raises(UserError, match="is still trying the previous update"):
        raise update(project, program("1.28.5")).exception or AssertionError
    board.kill("box")
    assert says(board) == before
    with pytest.raises(NotReachedError):  # the connection from before the cut
        remote.slots()
    assert remote.slots() == slot
    with pytest.raises(UserError, match="the power failed before it was confirmed"):
        remote.wait(made, slot.other, 1)
    # The slot still contains it: no byte is sent again.
    sent = updater.sent
    again = written(project, updater.status(), program("1.28.4"), confirm_s=1)
    remote.send(again, signing.signer().sign(again.text))
    remote.wait(again, slot.other, 1)
    assert updater.sent - sent < 3000
    assert says(board) == "1.28.4"


def test_it_continues_after_lost_connections_and_a_power_cut(
    board: Running,
    project: Path,
    remote: FirmwareUpdater,
    updater: send.Updater,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = written(project, updater.status(), program("1.28.6", size=140_000), confirm_s=1)
    signature = signing.signer().sign(made.text)
    slots = remote.slots()
    ask, calls = Tools.ask, 0

    def lose(tools: Tools, tool: str, deadline_ms: int = 5000, **arguments: Any) -> Any:
        nonlocal calls
        answer = ask(tools, tool, deadline_ms, **arguments)
        calls += 1
        if calls == 100:
            board.kill("box")
        if calls % 40 == 0 or calls == 100:
            tools.close()
            raise NotReachedError([])
        return answer

    places: list[int] = []
    with monkeypatch.context() as patched:
        patched.setattr(Tools, "ask", lose)
        remote.send(made, signature, lambda done, total: places.append(done))
    remote.wait(made, slots.other, 1)
    assert says(board) == "1.28.6"
    assert places[-1] == len(made.app.content)
    # After the power cut it continues at the position that the board noted, not at the beginning.
    back = [a - b for a, b in pairwise(places) if b <= a]
    assert all(0 <= step < 65536 for step in back)


@pytest.fixture
def updater(board: Running, project: Path) -> Iterator[send.Updater]:
    with updater_of(project) as found:
        yield found


@pytest.fixture
def remote(updater: send.Updater) -> FirmwareUpdater:
    return FirmwareUpdater(updater)


def written(project: Path, status: send.Status, content: bytes, **changes: Any) -> FirmwareManifest:
    app = read(content, "firmware.bin", load_plan(project).board("box").board)
    terms = replace(Terms("test", "box", status.counter + 1, "1.27.0"), **changes)
    return firmware_manifest(terms, app)


def test_an_image_is_refused_as_firmware_and_the_reverse(
    project: Path, remote: FirmwareUpdater, updater: send.Updater
) -> None:
    made = written(project, updater.status(), program())
    image = replace(made, text=made.text.replace(b"torpor-firmware 1", b"torpor-update 1"))
    with pytest.raises(UserError, match="the manifest is not valid: not a manifest of format 1"):
        remote.send(image, signing.signer().sign(image.text))
    for at in range(0, len(made.text), send.PIECE):
        updater.ask("head", at=at, data=send.packed(made.text[at : at + send.PIECE]))
    signature = b64encode(signing.signer().sign(made.text)).decode()
    with pytest.raises(UserError, match="the manifest is not valid: not a manifest of format 1"):
        updater.ask("check", signature=signature)


REFUSALS: dict[str, tuple[dict[str, Any], str]] = {
    "unsigned": ({"key": 1}, "not signed with a key that this board knows"),
    "other cluster": ({"cluster": "other"}, "the firmware is for box of other"),
    "other board": ({"board": "barn"}, "the firmware is for barn of test"),
    "older counter": ({"counter": 0}, "the firmware is older than an update that was here"),
    "wrong chip": ({"was": b"chip=9", "is": b"chip=0"}, "is for chip 0, and this is chip 9"),
    "too large": ({"was": b"size=2", "is": b"size=3333332"}, r"has 3333332\d+ bytes, and a slot"),
    "other mpy": ({"was": b"mpy=6.3", "is": b"mpy=7.0"}, r"loads \.mpy 7\.0, and the image here"),
    "too old": ({"least": "9.0.0"}, r"the image here needs MicroPython 9\.0\.0"),
    "other bytes": ({"was": b"sha256=", "is": b"sha256=00", "cut": 2}, "not what was signed|hold"),
    "no digest": ({"was": b"sha256=", "is": b"sha256=xx", "cut": 2}, "the manifest is not valid"),
    "other header": ({"first": b"\xe8"}, "does not begin as firmware for this chip does"),
    "header of another chip": ({"chip": 0}, "does not begin as firmware for this chip does"),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_unsuitable_firmware_is_refused(
    board: Running, project: Path, remote: FirmwareUpdater, updater: send.Updater, case: str
) -> None:
    changes, reason = REFUSALS[case]
    before, status, slots = says(board), updater.status(), remote.slots()
    content = program("1.28.7", size=20_000 + 32 * list(REFUSALS).index(case))
    own = {k: v for k, v in changes.items() if k in ("cluster", "board", "counter", "least")}
    made = written(project, status, content, **own)
    if "was" in changes:
        head, _, tail = made.text.partition(changes["was"])
        if cut := changes.get("cut"):
            line, _, rest = tail.partition(b"\n")
            tail = line[:-cut] + b"\n" + rest
        made = replace(made, text=head + changes["is"] + tail)
    bytes_of = bytearray(content)
    if "first" in changes:
        bytes_of[:1] = changes["first"]
    if "chip" in changes:
        bytes_of[12] = changes["chip"]
    made = replace(made, app=replace(made.app, content=bytes(bytes_of)))
    with pytest.raises(UserError, match=reason):
        remote.send(made, signing.signer(changes.get("key", 0)).sign(made.text))
    assert says(board) == before
    assert remote.slots() == slots
    assert replace(updater.status(), free=0) == replace(status, free=0)


def test_firmware_that_the_boot_loader_rejects(
    board: Running, project: Path, remote: FirmwareUpdater, updater: send.Updater
) -> None:
    status = updater.status()
    content = bytearray(program("1.28.8"))
    made = written(project, status, bytes(content))
    content[-1] ^= 1  # its own digest is wrong, but this is what was signed
    terms = Terms("test", "box", made.counter, "1.27.0", confirm_s=1)
    wrong = firmware_manifest(terms, replace(made.app, content=bytes(content)))
    with pytest.raises(UserError, match="the boot loader does not take the firmware"):
        remote.send(wrong, signing.signer().sign(wrong.text))
    assert updater.status().trial is None
    slot = remote.slots().running
    board.kill("box")
    assert starts(board)[-1][0] == slot


def test_steps_out_of_order(remote: FirmwareUpdater, updater: send.Updater) -> None:
    with pytest.raises(UserError, match=r"started before|has not arrived|no manifest"):
        updater.ask("fwstart")
    have = updater.ask("fwput", at=-1, data=send.packed(b"x"))
    for data in ("!", send.packed(b"")):
        with pytest.raises(UserError, match=r"base64|deflate|a piece must have a byte"):
            updater.ask("fwput", at=have, data=data)


def test_a_board_with_the_old_partition_table_keeps_working_and_reports_it(tmp_path: Path) -> None:
    root = make(tmp_path)
    config = root / "cluster.toml"
    two = config.read_text()
    config.write_text(two.replace("[services", "firmware_slots = 1\n\n[services", 1))
    storage = root / "build" / "sim"
    with running(root, types=False, storage=storage) as board:
        assert says(board)
        failed = update(root, program())
        assert "box has a single slot for firmware" in str(failed.exception)
        assert "torpor flash box" in str(failed.exception)
    config.write_text(two)  # the image now has the part for firmware, but the board lacks the table
    with running(root, types=False, storage=storage, fresh=False) as board:
        assert says(board)
        failed = update(root, program())
        text = "the board has a single slot for firmware: torpor flash over USB once"
        assert text in str(failed.exception), failed.output
        (root / "services/hello/__init__.py").write_text(HELLO.replace('"/hello"', '"/other"'))
        done = tool(root, "update", "--no-types", "--confirm", "1")
        assert done.exit_code == 0, (repr(done.exception), board.log_text("box"))


def test_a_pico_reports_that_its_firmware_needs_usb(tmp_path: Path) -> None:
    root = make(tmp_path, "RPI_PICO_W")
    failed = update(root, b"")
    assert "the firmware of box can be replaced only over USB" in str(failed.exception)
    assert "no room for a second one" in str(failed.exception)
    assert "torpor flash box" in str(failed.exception)


BAD_FILES = {
    "not firmware": (b"UF2\n" * 20, "is not firmware for an ESP32: it does not begin with 0xE9"),
    "cut off": (program()[:10_000], "damaged"),
    "altered": (program()[:5_000] + b"!" + program()[5_001:], "its checksum is wrong"),
    "another chip": (program(chip="ESP32"), "is for ESP32, and ESP32_GENERIC_S3 has an ESP32-S3"),
    "too old": (program("1.26.0"), "is MicroPython 1.26.0, and images for ESP32_GENERIC_S3 need"),
    "of tomorrow": (program("1.31.0"), r"this torpor knows which \.mpy files 1\.19 to 1\.29 load"),
    "no version": (program("one"), "does not state its MicroPython version"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_cannot_be_used(project: Path, case: str) -> None:
    content, says = BAD_FILES[case]
    failed = update(project, content)
    assert isinstance(failed.exception, UserError), repr(failed.exception)
    assert re.search(says, str(failed.exception))


def test_options_that_exclude_each_other(project: Path) -> None:
    assert update(project, program(), "--all").exit_code == 2
    missing = tool(project, "update", "--firmware", "nothing.bin")
    assert "nothing.bin" in f"{missing.output}{missing.exception}"
