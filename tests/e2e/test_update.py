"""``torpor update`` and ``torpor rollback`` against a board in the simulator."""

from __future__ import annotations

import json
import os
import random
import signal
import time
import zlib
from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.helpers import signing
from tests.helpers.running import Running, running, write_cluster
from tests.helpers.updates import add_keys, says, tool, updater_of
from torpor_tools.client import tools as client_tools
from torpor_tools.client.rpc import NotReachedError
from torpor_tools.client.tools import Tools
from torpor_tools.contracts import load_plan
from torpor_tools.crashes.builds import read_build
from torpor_tools.crashes.fetch import over_network
from torpor_tools.crashes.records import Record
from torpor_tools.errors import UserError
from torpor_tools.image.tree import LISTING, checksums
from torpor_tools.link import image_files
from torpor_tools.link.compile import compile_all
from torpor_tools.link.module import Module
from torpor_tools.update import send
from torpor_tools.update.manifest import Manifest, Terms, manifest, sent

ROOT = Path(__file__).parents[2]

HELLO = """
import asyncio

from torpor import Service, get


class Hello(Service):
    async def start(self) -> None:
        pass

    @get("/hello")
    async def hello(self) -> str:
        return "one"

    async def healthy(self) -> bool:
        return True
"""
OTHER = """
from torpor import Service, get


class Other(Service):
    async def start(self) -> None:
        self.output(5, safe=0).value(1)

    @get("/other")
    async def other(self) -> str:
        return "other"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = write_cluster(tmp_path_factory.mktemp("update"), {"hello": HELLO, "other": OTHER})
    add_keys(root)
    return root


@pytest.fixture(scope="module")
def board(project: Path) -> Iterator[Running]:
    with running(project, types=False, storage=project / "build" / "sim") as run:
        yield run


def update(project: Path, source: str, *words: str) -> Result:
    (project / "services/hello/__init__.py").write_text(source)
    return tool(project, "update", "--no-types", "--confirm", "2", *words)


def saying(text: str) -> str:
    return HELLO.replace('"one"', repr(text))


def test_an_update_and_a_rollback_are_confirmed(board: Running, project: Path) -> None:
    assert says(board) == "one"
    plan = update(project, saying("two"), "--dry-run")
    assert plan.exit_code == 0, repr(plan.exception)
    assert "services/hello/__init__.mpy" in plan.output
    assert "services/other" not in plan.output
    assert says(board) == "one"
    done = update(project, saying("two"))
    assert done.exit_code == 0, (done.output, repr(done.exception), board.log_text("box"))
    assert "is confirmed" in done.output
    assert says(board) == "two"
    # An output is at its safe value before the restart into the update, and before each start.
    pins = [str(e.get("value", e["event"])) for e in board.sim.board("box").trace]
    pins = [e for e in pins if e in ("0", "1", "reset", "boot")]
    assert "-".join(pins).startswith("boot-0-1-0-reset-boot-0-")
    assert "has build" in update(project, saying("two")).output
    assert update(project, saying("three")).exit_code == 0
    assert says(board) == "three"
    plan = tool(project, "rollback", "--dry-run")
    assert "services/hello/__init__.mpy" in plan.output, repr(plan.exception)
    back = tool(project, "rollback", "--confirm", "2")
    assert back.exit_code == 0, repr(back.exception)
    assert says(board) == "two"
    missing = tool(project, "rollback", "--to", "ffff")
    assert "no build ffff of box is kept" in str(missing.exception)


def test_an_image_for_another_chip_is_not_sent(board: Running, project: Path) -> None:
    config = project / "cluster.toml"
    right = config.read_text()
    config.write_text(right.replace("RPI_PICO_W", "ESP32_GENERIC_S3"))
    try:
        for refused in (update(project, saying("S3")), tool(project, "rollback")):
            text = str(refused.exception)
            assert "box reports 'Raspberry Pi Pico W with RP2040'" in text, refused.output
            assert "is ESP32_GENERIC_S3, with ESP32S3" in text
            assert "flash it over USB" in text
    finally:
        config.write_text(right)


def test_an_image_that_leaves_too_little_heap_is_not_sent(board: Running, project: Path) -> None:
    before = says(board)
    large = saying("large").replace("        pass\n", "        self._kept = bytearray(190_000)\n")
    refused = update(project, large)
    text = str(refused.exception)
    assert isinstance(refused.exception, UserError), refused.output
    assert "less than its heap_reserve of 25 %. What takes it:\n" in text
    assert "  hello\n" in text
    assert "--allow-low-heap accepts it" in text
    assert str(update(project, large, "--dry-run").exception) == text
    allowed = update(project, large, "--dry-run", "--allow-low-heap")
    assert allowed.exit_code == 0, repr(allowed.exception)
    assert "services/hello/__init__.mpy" in allowed.output
    assert says(board) == before


STORED = """
from torpor import Service, get


class Other(Service):
    async def start(self) -> None:
        self._rows = self.store.table("rows")

    @get("/other")
    async def other(self) -> int:
        return await self._rows.count()
"""


def migrate(project: Path, number: int, body: str = 'db.put("rows", 1, {"n": 1})') -> Path:
    folder = project / "services/other/migrations"
    folder.mkdir(exist_ok=True)
    file = folder / f"000{number}_step_{number}.py"
    file.write_text(f"def up(db):\n    {body}\n")
    return file


def test_migrations_are_named_first_and_a_rollback_past_one_is_asked_for(
    board: Running, project: Path
) -> None:
    source = project / "services/other/__init__.py"
    source.write_text(STORED)
    migrate(project, 1)
    done = update(project, HELLO)
    assert done.exit_code == 0, (done.output, repr(done.exception), board.log_text("box"))
    assert "other: 0001_step_1 will run" in done.stderr  # of a service that had no store
    assert "does not start" not in done.stderr
    migrate(project, 2)
    named = update(project, HELLO, "--dry-run")
    text = "other: 0002_step_2 will run, and going back does not undo that"
    assert text in " ".join(named.stderr.split()), named.output
    assert "The old image's other does not start on such data" in named.stderr
    refused = tool(project, "rollback", "--dry-run")
    assert isinstance(refused.exception, UserError)
    assert "the data of other has had migrations" in str(refused.exception)
    assert "--data-loss" in str(refused.exception)
    plan = tool(project, "rollback", "--dry-run", "--data-loss")
    assert plan.exit_code == 0, repr(plan.exception)
    assert "services/other/__init__.mpy" in plan.output
    (project / "services/other/migrations/0002_step_2.py").unlink()


def test_a_board_is_found_at_a_port_that_its_image_has(board: Running, project: Path) -> None:
    toml = project / "cluster.toml"
    text = toml.read_text()
    toml.write_text(text.replace("port = 8001", "port = 8101"))
    try:
        plan = update(project, saying("moved"), "--dry-run")
    finally:
        toml.write_text(text)
    assert plan.exit_code == 0, repr(plan.exception)
    assert "services/hello/__init__.mpy" in plan.output


BAD = {
    "crash at import": ("class Hello", "1 / 0\n\n\nclass Hello", "failed to start: ZeroDivision"),
    "start that fails": (
        "        pass",
        "        raise OSError(5)",
        "hello failed to start: OSError",
    ),
    "start that hangs": (
        "        pass",
        "        await asyncio.sleep(1000)",
        "its services have not all started",
    ),
    "health that raises": ("return True", "raise ValueError('no')", "hello.healthy: ValueError"),
    "health that is false": ("return True", "return False", "hello.healthy: False"),
    "health that fails later": (
        "return True",
        "self.n = getattr(self, 'n', 0) + 1\n        return self.n < 2",
        "hello.healthy: False",
    ),
    "start that blocks": (
        "        pass",
        "        from torpor import port\n        port.pause(True)\n"
        "        while True:\n            pass",
        "it blocked the event loop",
    ),
    "start that blocks for the watchdog": (
        "        pass",
        "        while True:\n            pass",
        "it was reset by the watchdog",
    ),
    "exit": ("        pass", "        import sys\n        sys.exit(3)", "SystemExit: 3"),
    "reset": (
        "        pass",
        "        import machine\n        machine.reset()",
        "it was reset before",
    ),
}


HANG = """\
        import machine
        machine.WDT(timeout=300)
        while True:
            pass"""
HUNG = "it was reset by the watchdog before it was confirmed"
# An image that hangs: the source of ``hello`` and of ``other``, and what began last.
HANGS = {
    "health check": (HELLO.replace("        return True", HANG), OTHER, "hello.healthy"),
    "start": (HELLO.replace("        pass", HANG), OTHER, "hello.start"),
    "task": (
        HELLO,
        OTHER.replace(".value(1)", ".value(1)\n        self.spawn(self._later)")
        .replace(
            "    @get",
            f"    async def _later(self) -> None:\n        await sleep(3)\n{HANG}\n\n    @get",
        )
        .replace("from torpor", "from asyncio import sleep\n\nfrom torpor", 1),
        "other._later",
    ),
}


@pytest.mark.parametrize("case", HANGS)
def test_a_trial_that_the_watchdog_ends_has_a_record(
    board: Running, project: Path, case: str
) -> None:
    source, other, work = HANGS[case]
    file = project / "services/other/__init__.py"
    before, sources = says(board), file.read_text()
    seen = {record.number for record in records(project)}
    file.write_text(other)
    try:
        failed = update(project, source, "--confirm", "6")
    finally:
        file.write_text(sources)
    assert f": {HUNG}" in str(failed.exception), board.log_text("box")
    assert says(board) == before
    with updater_of(project) as updater:
        status = updater.status()
    [record] = [r for r in records(project) if r.number not in seen]
    assert status.failed
    assert (record.kind, record.reset) == ("watchdog", "watchdog")
    assert record.build == status.failed["build"] != status.build
    assert record.work(read_build(project, record.build)) == work, (record, status)
    board.kill("box")  # the next start records nothing more
    assert records(project)[-1].number == record.number
    assert f"{work}  watchdog" in tool(project, "crashes", "box").output


def records(project: Path) -> list[Record]:
    """Return the records of crashes on the board, the newest last."""
    with Tools(project, load_plan(project).board("box")) as tools:
        return sorted(over_network(tools).records, key=lambda record: record.number)


MIGRATION = "migration that fails"


def test_all_health_checks_together_have_a_limit(board: Running, project: Path) -> None:
    slow = "await asyncio.sleep(3)\n        return True"
    file = project / "services/other/__init__.py"
    sources = file.read_text()
    check = f"    async def healthy(self) -> bool:\n        {slow}\n\n    @get"
    file.write_text("import asyncio\n" + sources.replace("    @get", check, 1))
    try:
        failed = update(project, HELLO.replace("return True", slow), "--confirm", "3")
    finally:
        file.write_text(sources)
    reason = ": other.healthy did not answer within 5 s (all checks together)"
    assert reason in str(failed.exception), board.log_text("box")


LONG = ("start that fails", "health that raises", "health that is false")


@contextmanager
def spoilt(project: Path, case: str) -> Iterator[tuple[str, str]]:
    """Yield the source of ``hello`` in a bad update, and the reason that the board reports."""
    if case in BAD:
        right, wrong, reason = BAD[case]
        assert right in HELLO
        yield HELLO.replace(right, wrong), reason
        return
    source = project / "services/other/__init__.py"
    before = source.read_text()
    source.write_text(STORED)
    number = 1 + len(list(source.parent.glob("migrations/*.py")))
    file = migrate(project, number, 'db.put("rows", 1 // 0, {"n": 1})')
    try:
        yield HELLO, f"other failed to start: RuntimeError: migration {file.stem}"
    finally:
        file.unlink()
        source.write_text(before)


@pytest.mark.parametrize(
    "case",
    [pytest.param(c, marks=pytest.mark.soak if c in LONG else ()) for c in [*BAD, MIGRATION]],
)
def test_a_bad_update_is_rolled_back(board: Running, project: Path, case: str) -> None:
    before = says(board)
    with spoilt(project, case) as (source, reason):
        failed = update(project, source, "--confirm", "1")
    assert isinstance(failed.exception, UserError), (failed.output, board.log_text("box"))
    assert "box went back to build" in str(failed.exception)
    assert reason in str(failed.exception), board.log_text("box")
    assert says(board) == before
    shown = tool(project, "update", "--status")
    assert reason in shown.output
    flash = project / "build/sim/box/flash"
    assert not [p.name for p in flash.iterdir() if p.name in (".new", ".trial")]


@pytest.fixture
def updater(board: Running, project: Path) -> Iterator[send.Updater]:
    with updater_of(project) as found:
        yield found


def written(
    project: Path, status: send.Status, **changes: Any
) -> tuple[Manifest, dict[str, bytes]]:
    """Return a manifest of the project as it is now, and the files."""
    files = image_files(load_plan(project), "box")
    terms = Terms("test", "box", status.counter + 1, "1.27.0")
    return manifest(replace(terms, **changes), files), sent(files)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"cluster": "other"}, "the update is for box of other"),
        ({"board": "barn"}, "the update is for barn of test"),
        ({"counter": 0}, "the update is older than one that was here"),
        ({"least": "9.0.0"}, "the update needs MicroPython 9.0.0: flash it"),
        ({"key": 1}, "not signed with a key that this board knows"),
        ({"signature": b""}, "not signed with a key that this board knows"),
        ({"order": True}, "the manifest is not valid: the order of the paths"),
        ({"without": b" main.py\n"}, "files that the board needs to start are missing"),
        ({"line": b"../a"}, "the manifest is not valid: path"),
        ({"size": 1 << 22}, "the new files need 4[0-9]{6} more bytes, and [0-9]+ are free"),
    ],
)
def test_an_update_for_another_board_is_refused(
    updater: send.Updater, project: Path, changes: dict[str, Any], says: str
) -> None:
    status = updater.status()
    own = {k: v for k, v in changes.items() if k in ("cluster", "board", "counter", "least")}
    made, files = written(project, status, **own)
    lines = made.text.splitlines(keepends=True)
    if "order" in changes:
        lines.append(lines[-1])
    lines = [line for line in lines if not line.endswith(changes.get("without", b"-"))]
    if "size" in changes:
        lines.append(b"%s %d zz.mpy\n" % (b"0" * 64, changes["size"]))
    if "line" in changes:
        lines.append(b"%s 1 %s\n" % (b"0" * 64, changes["line"]))
    made = replace(made, text=b"".join(lines))
    signature = signing.signer(changes.get("key", 0)).sign(made.text)
    with pytest.raises(UserError, match=says):
        updater.send(made, changes.get("signature", signature), files)
    assert same(updater.status(), status)


def same(one: send.Status, other: send.Status) -> bool:
    """Return whether the board has kept its image and its counter."""
    return replace(one, free=0) == replace(other, free=0)


def test_a_file_that_differs_from_the_signed_one_is_refused(
    updater: send.Updater, project: Path
) -> None:
    (project / "services/hello/__init__.py").write_text(saying("forged " * 1000))
    status = updater.status()
    made, files = written(project, status)
    signature = signing.signer().sign(made.text)
    path = "services/hello/__init__.mpy"
    wrong = files[path][:-1] + bytes([files[path][-1] ^ 1])
    with pytest.raises(UserError, match=f"{path} is not what was signed"):
        updater.send(made, signature, {**files, path: wrong})
    with pytest.raises(UserError, match="has not arrived"):
        updater.ask("commit")
    [line] = [line for line in made.lines if line.path == path]
    ask: dict[str, Any] = {"do": "put", "line": line.place, "at": 0}
    for data, reason in (
        (pack(bytes(100_000)), "expected at most 1024 bytes"),
        ("!", "expected base64|not compressed"),
        (b64encode(b"\x07" * 40).decode(), "not compressed"),
        (pack(files[path][:1024])[:40], "not compressed"),
    ):
        with pytest.raises(UserError, match=reason):
            updater._tools.ask("update", **{**ask, "data": data})
    for place in (0, 1, line.place + 1, line.place - 1, 10**6, -5):
        with pytest.raises(UserError, match="no file of the manifest"):
            updater._tools.ask("update", **{**ask, "line": place, "data": pack(b"")})
    for at in range(0, 32768, 1024):
        updater.ask("head", at=at, data=pack(bytes(1024)))
    with pytest.raises(UserError, match="the manifest has more than 32768 bytes"):
        updater.ask("head", at=32768, data=pack(b"x"))
    assert same(updater.status(), status)


def pack(data: bytes) -> str:
    packer = zlib.compressobj(9, zlib.DEFLATED, -10)
    return b64encode(packer.compress(data) + packer.flush()).decode()


def test_an_update_continues_after_a_lost_connection(
    board: Running, updater: send.Updater, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "- " + "".join(chr(97 + n * n % 23) for n in range(9000))
    (project / "services/hello/__init__.py").write_text(saying(text))
    made, files = written(project, updater.status(), confirm_s=1)
    signature = signing.signer().sign(made.text)
    sizes: list[tuple[int, int | None]] = []
    left = [14]
    ask = Tools.ask

    def lose(tools: Tools, tool: str, deadline_ms: int = 5000, **arguments: Any) -> Any:
        answer = ask(tools, tool, deadline_ms, **arguments)
        if arguments["do"] in ("put", "head", "check", "commit"):
            left[0] -= 1
            if left[0] == 0:
                left[0] = 14
                tools.close()
                raise NotReachedError([])
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Tools, "ask", lose)
        patched.setattr(send, "TRIES", 1)
        left[0] = 2
        with pytest.raises(NotReachedError):  # each time the manifest has to arrive again
            updater.send(made, signature, files)
        patched.setattr(send, "TRIES", 30)
        updater.send(made, signature, files, lambda done, total: sizes.append((done, total)))
    assert sizes[-1][0] == sizes[-1][1]
    updater.wait(made, 1)
    assert says(board) == text


def test_an_update_continues_when_a_board_that_hung_answers_again(
    board: Running, updater: send.Updater, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The board stops in the middle, and goes on when there is a note for the user."""
    (project / "services/hello/__init__.py").write_text(saying("hung"))
    made, files = written(project, updater.status(), confirm_s=1)
    monkeypatch.setattr(send, "PIECE_S", 0.2)
    monkeypatch.setattr(send, "NOTE_S", 0.0)
    monkeypatch.setattr(client_tools, "_CONNECT_S", 0.2)
    pid = board.sim.board("box").pid
    assert pid
    notes: list[str] = []
    sent: list[int] = []

    def hang(done: int, total: int | None) -> None:
        if not sent:
            os.kill(pid, signal.SIGSTOP)
        sent.append(done)

    def release(text: str) -> None:
        notes.append(text)
        os.kill(pid, signal.SIGCONT)

    try:
        updater.send(made, signing.signer().sign(made.text), files, hang, release)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert notes[0] == "box does not answer; trying again for up to 60 s"
    updater.wait(made, 1)
    assert says(board) == "hung"


KINDS = (
    "wrong key",
    "altered manifest",
    "altered signature",
    "altered file",
    "other cluster",
    "other board",
    "older counter",
    "newer firmware",
    "too large",
    "cut stream",
)
COUNT = 1000
TRIED = 110  # the board tries this many of them and rolls them back: each takes a few seconds
LATE = 4  # of these fail 30 s after they were found healthy
WRONG_PASSWORD = "Wi-Fi password that is wrong"
LATE_FAILURE = "health that fails after 30 s"
LATE_CONFIRM_S = 40


@pytest.mark.soak
def test_a_thousand_bad_updates(
    board: Running, project: Path, updater: send.Updater, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    password = json.loads((project / "build/sim/box/flash/secrets.json").read_text())["wifi"]
    board.sim.board("box").inputs.wifi(password=password["password"])
    tried = _tried(project)
    files = built(project, saying("never " * 900))
    before = says(board)
    slowest = 0.0
    kinds = [LATE_FAILURE] * LATE + list(islice(cycle(tried.keys() - {LATE_FAILURE}), TRIED - LATE))
    kinds += islice(cycle(KINDS), COUNT - TRIED)
    rng.shuffle(kinds)
    times: Counter[str] = Counter()
    for number, kind in enumerate(kinds):
        status = updater.status()
        began = time.monotonic()
        if kind in tried:
            # A build that has crashed the board three times is in safe mode when it starts again.
            safe = ["hello failed to start: it crashed the board"] if times[kind] >= 3 else []
            taken_back(updater, status, tried[kind], safe)
            times[kind] += 1
        else:
            with monkeypatch.context() as patched:
                refused(updater, status, files, kind, rng, patched)
        assert says(board) == before, kind
        trial_s = 2 * tried[kind].confirm_s if kind in tried else 0
        slowest = max(slowest, time.monotonic() - began - trial_s)
        assert slowest < 60, kind  # what the issue of the updates asks for, on top of the trial
        if number % 100 == 99:
            print(number + 1, f"the slowest took {slowest:.1f} s beyond its trial", flush=True)
    print(dict(Counter(kinds)))


@dataclass(frozen=True)
class Tried:
    """An image that a board tries, and the reason why it goes back."""

    files: dict[str, bytes]
    reason: str
    confirm_s: int = 1


def _tried(project: Path) -> dict[str, Tried]:
    images: dict[str, Tried] = {}
    for case in [*BAD, MIGRATION]:
        with spoilt(project, case) as (source, reason):
            images[case] = Tried(built(project, source), reason)
    images[WRONG_PASSWORD] = Tried(
        with_wrong_password(built(project, HELLO)), "the Wi-Fi was not joined"
    )
    late = HELLO.replace("import asyncio", "import time").replace(
        "pass", "self.at = time.ticks_ms()"
    )
    late = late.replace("return True", "return time.ticks_diff(time.ticks_ms(), self.at) < 30_000")
    assert late.count("self.at") == 2
    images[LATE_FAILURE] = Tried(built(project, late), "hello.healthy: False", LATE_CONFIRM_S)
    return images


def with_wrong_password(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return an image whose runtime does not use the password of ``secrets.json``.

    That file is never part of an update, so only code can change the password.
    """
    source = (ROOT / "firmware/torpor/secrets.py").read_text()
    source = source.replace("from .cold import cold\n", "").replace("@cold\n", "")  # as the linker
    right = "            return json.load(file)\n"
    wrong = (
        "            secrets = json.load(file)\n"
        "            secrets['wifi']['password'] = 'wrong'\n"
        "            return secrets\n"
    )
    assert right in source
    module = Module(
        "torpor.secrets", False, source.replace(right, wrong), "secrets.py", part="runtime"
    )
    compiled, problems = compile_all([module])
    assert not problems
    assert compiled.keys() <= files.keys()
    changed = {**files, **compiled}
    return {**changed, LISTING: checksums(changed)}


def built(project: Path, source: str) -> dict[str, bytes]:
    (project / "services/hello/__init__.py").write_text(source)
    return image_files(load_plan(project), "box")


def made_for(status: send.Status, files: Mapping[str, bytes], **changes: Any) -> Manifest:
    terms = Terms("test", "box", status.counter + 1, "1.27.0", confirm_s=1)
    return manifest(replace(terms, **changes), files)


def taken_back(
    updater: send.Updater, status: send.Status, tried: Tried, others: Sequence[str] = ()
) -> None:
    """Check that the board tries the update, goes back, and reports the reason or another one."""
    made = made_for(status, tried.files, confirm_s=tried.confirm_s)
    updater.send(made, signing.signer().sign(made.text), sent(tried.files))
    with pytest.raises(UserError, match="box went back to build") as error:
        updater.wait(made, tried.confirm_s)
    reasons = [tried.reason, *others]
    assert any(reason in str(error.value) for reason in reasons), (reasons, error.value)
    after = updater.status()
    assert (after.build, after.trial) == (status.build, None)
    assert after.failed
    assert any(reason in after.failed["reason"] for reason in reasons)


def refused(
    updater: send.Updater,
    status: send.Status,
    files: dict[str, bytes],
    kind: str,
    rng: random.Random,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Check that the board refuses the update, or gets only a part of it."""
    changes: dict[str, dict[str, Any]] = {
        "other cluster": {"cluster": "other"},
        "other board": {"board": "barn"},
        "older counter": {"counter": rng.randint(0, status.counter)},
        "newer firmware": {"least": "9.0.0"},
    }
    made = made_for(status, files, **changes.get(kind, {}))
    sending = dict(sent(files))
    if kind == "too large":
        text = made.text + b"%s %d zz.mpy\n" % (b"0" * 64, rng.randint(1 << 22, 1 << 24))
        made = replace(made, text=text)
    signature = signing.signer(int(kind == "wrong key")).sign(made.text)
    if kind == "altered manifest":
        made = replace(made, text=altered(made.text, rng))
    elif kind == "altered signature":
        signature = altered(signature, rng)
    elif kind == "altered file":
        updater.ask("cancel")  # an interrupted update may have left the right file on the board
        path = "services/hello/__init__.mpy"
        sending[path] = altered(sending[path], rng)
    elif kind == "cut stream":
        ask, left = Tools.ask, rng.randint(1, 14)

        def cut(tools: Tools, tool: str, deadline_ms: int = 5000, **arguments: Any) -> Any:
            nonlocal left
            left -= 1
            if left <= 0 or arguments["do"] == "commit":
                tools.close()
                raise NotReachedError([])
            return ask(tools, tool, deadline_ms, **arguments)

        monkeypatch.setattr(Tools, "ask", cut)
        monkeypatch.setattr(send, "TRIES", 1)
    with pytest.raises(UserError):
        updater.send(made, signature, sending)
    monkeypatch.undo()
    assert same(updater.status(), status), kind


def altered(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
