"""An update at the broker, the gateway's report, and the boards that get updates in this way."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.helpers import signing
from tests.helpers.brokers import LOGIN
from tests.helpers.running import write_cluster
from torpor_tools.cli.update import check_board
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError
from torpor_tools.image.tree import LISTING, checksums
from torpor_tools.link.runtime import FLAGS, parts
from torpor_tools.project.signers import public_keys
from torpor_tools.update.manifest import Terms, manifest, parse
from torpor_tools.update.pending import Held, Pending, Report, report, unpacked

FILES = {"boot.py": b"# boot", "services/a/__init__.mpy": bytes(3000), "data.bin": b""}
FILES[LISTING] = checksums(FILES)


def held(number: int = 0) -> Held:
    made = manifest(Terms("test", "box", 7, "1.27.0", 9), FILES, ("notes", "log"))
    return Held(made, signing.signer(number).sign(made.text), FILES)


def test_an_update_is_read_back_unchanged() -> None:
    keys = [bytes(384), *public_keys(signing.project())]
    update = held()
    again = unpacked(update.packed(), keys)
    assert (again.manifest, again.signature) == (update.manifest, update.signature)
    assert dict(again.files) == FILES
    assert parse(update.manifest.text) == update.manifest
    assert (again.manifest.board, again.manifest.confirm_s) == ("box", 9)


def archive(**changes: bytes) -> bytes:
    update = held()
    members = {"manifest": update.manifest.text, "signature": update.signature}
    members |= {f"fs/{path}": data for path, data in update.files.items()} | changes
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (lambda: b"", "cannot be read"),
        (lambda: b"PK\5\6" + bytes(18), "cannot be read"),
        (lambda: held().packed()[:-30], "cannot be read"),
        (lambda: held(1).packed(), "not signed with a key of signing.pub"),
        (lambda: archive(signature=b""), "not signed with a key of signing.pub"),
        (lambda: archive(manifest=held().manifest.text + b"x"), "not signed with a key"),
        (lambda: archive(**{"fs/boot.py": b"# bot"}), "boot.py is not what was signed"),
    ],
)
def test_forged_updates_are_refused(data: Callable[[], bytes], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        unpacked(data(), public_keys(signing.project()))


def test_a_report_is_read_back_unchanged() -> None:
    pending = Pending("ab" * 8, 7, 1.5, "receives files", 10, 20)
    full = Report(
        3.0, {"build": "cd" * 8, "counter": 6}, {"a": "b"}, {"s": 1}, pending, {"at": 1}, {"at": 2}
    )
    for each in (Report(), full):
        assert report(each.packed()) == each
    for wrong in (b"", b"[]", b'{"pending": {"build": 1}}'):
        with pytest.raises((ValueError, TypeError)):
            report(wrong)


SOURCE = """
from torpor import Service, get


class A(Service):
    @get("/a")
    async def a(self) -> int:
        return 1
"""


@pytest.mark.parametrize("mailbox", [True, False])
def test_a_board_that_sleeps_needs_a_mailbox(tmp_path: Path, mailbox: bool) -> None:
    write_cluster(tmp_path, {"a": SOURCE}, "ESP32_GENERIC_S3")
    toml = tmp_path / "cluster.toml"
    power = '\n[boards.box.power]\npolicy = "deep"\nwake_every = "1h"\n'
    there = '\n[mailbox]\nurl = "mqtt://localhost"\n' if mailbox else ""
    toml.write_text(toml.read_text() + there + power)
    login = "".join(f'{key} = "{value}"\n' for key, value in LOGIN.items())
    text = f'[cluster]\nkeys = ["{"8f" * 32}"]\n[mailbox]\n{login}'
    (tmp_path / "secrets.toml").write_text(text)
    board = load_plan(tmp_path).board("box")
    assert board.can_update == mailbox
    linked = replace(board, called=True, updated=board.can_update)
    calls = {"mqtt.serve", "update"} & set(parts(linked))
    assert calls == ({"mqtt.serve", "update"} if mailbox else set())
    assert FLAGS["_CALLED"](linked) == mailbox
    assert not {"mqtt.serve", "update"} & set(parts(board))  # without a signing key
    if mailbox:
        check_board(board)
    else:
        with pytest.raises(UserError, match="and has no mailbox"):
            check_board(board)
