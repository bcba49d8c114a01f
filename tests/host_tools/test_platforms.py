"""Features that other systems lack: without them the tools behave as on Linux.

Nothing here ran on macOS or Windows; docs/platforms.md says what that means.
"""

from __future__ import annotations

import ast
import asyncio
import fcntl
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from torpor_tools import locks
from torpor_tools.cli import repl, run, signals
from torpor_tools.cli.base import Settings
from torpor_tools.cli.scaffold import write_project, write_service
from torpor_tools.contracts import load_plan
from torpor_tools.contracts.mypy_check import check_types, run_mypy
from torpor_tools.contracts.source import read_source
from torpor_tools.errors import UserError
from torpor_tools.files import is_file
from torpor_tools.gateway import nats
from torpor_tools.link import libraries, sources

ROOT = Path(__file__).parents[2]
HOST = [
    path
    for folder in ("host_tools/torpor_tools", "sim/torpor_sim")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "templates" not in path.parts
]


def fake_msvcrt() -> ModuleType:
    """Windows' module for locks, whose error for a locked file is another one."""
    module = ModuleType("msvcrt")

    def locking(handle: int, mode: int, count: int) -> None:
        assert (mode, count) == (2, 1)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise PermissionError(13, "Permission denied") from None

    module.__dict__.update(LK_NBLCK=2, locking=locking)
    return module


@pytest.fixture(params=["fcntl", "msvcrt"])
def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Locks of POSIX, and those of Windows."""
    if request.param == "msvcrt":
        monkeypatch.setattr(locks, "fcntl", None)
        monkeypatch.setitem(sys.modules, "msvcrt", fake_msvcrt())
    return str(request.param)


def test_a_file_is_locked_once(system: str, tmp_path: Path) -> None:
    with (tmp_path / "a").open("w") as first, (tmp_path / "a").open("w") as second:
        assert locks.try_lock(first.fileno())
        assert not locks.try_lock(second.fileno())
        first.close()
        assert locks.try_lock(second.fileno())


@pytest.mark.parametrize("locked", [locks.locked, locks.locked_folder])
def test_a_block_waits_for_its_turn(
    locked: Callable[[Path], Any], system: str, tmp_path: Path
) -> None:
    path = tmp_path if locked is locks.locked_folder else tmp_path / "file"
    order = []
    entered = threading.Event()

    def second() -> None:
        entered.set()
        with locked(path):
            order.append("second")

    with locked(path):
        thread = threading.Thread(target=second)
        thread.start()
        assert entered.wait(10)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


# Removes names that Windows lacks, before any module of torpor is loaded and after the modules that
# have a version for each system. asyncio needs SIGKILL here; a test below searches our code for it.
_WINDOWS = """
import os, signal, sys
import mpremote.transport_serial, psutil, rp2040py.external.cyw43.nat, serial.tools.list_ports
sys.path.insert(0, {root!r})
from tests.host_tools.test_platforms import fake_msvcrt
for name in [name for name in sys.modules if name.startswith("torpor")]:
    del sys.modules[name]
sys.modules["fcntl"] = sys.modules["termios"] = sys.modules["pwd"] = None
sys.modules["msvcrt"] = fake_msvcrt()
for name in ("SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGQUIT"):
    delattr(signal, name)
for name in ("getuid", "geteuid", "getpgid", "killpg", "fork", "O_CLOEXEC", "O_NONBLOCK"):
    delattr(os, name)
def symlink(*_, **__):
    raise OSError(22, "A required privilege is not held by the client")
os.symlink = symlink
from torpor_tools.cli import run
sys.exit(run(sys.argv[1:]))
"""


def windows(*words: str) -> str:
    """Run a command of torpor as Windows' Python would, as far as that is possible here."""
    program = _WINDOWS.format(root=str(ROOT))
    result = subprocess.run(
        [sys.executable, "-c", program, *words], capture_output=True, text=True, timeout=240
    )
    assert result.returncode == 0, (words, result.stdout, result.stderr)
    return result.stdout


def project(folder: Path) -> Path:
    write_project(folder, "home", "RPI_PICO_W")
    write_service(folder, "hello")
    return folder


def test_check_and_build_need_nothing_of_posix(tmp_path: Path) -> None:
    there, here = project(tmp_path / "there"), project(tmp_path / "here")
    assert "no mistakes" in windows("-C", str(there), "check")
    for _ in range(2):  # the second one replaces an image
        windows("-C", str(there), "build", "--no-types")
    assert run(["-C", str(here), "build", "--no-types"]) == 0
    images = [folder / "build" / "desk" for folder in (there, here)]
    first, second = ({p.name: p.read_bytes() for p in i.iterdir() if p.is_file()} for i in images)
    assert len(first) > 2
    assert first == second


@pytest.mark.parametrize("name", ["flash", "deploy", "logs", "repl", "gateway", "sim", "test"])
def test_every_command_loads_without_posix(name: str) -> None:
    assert "Usage:" in windows(name, "--help")


def test_every_module_loads_without_posix() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts[1:]).removesuffix(".__init__")
        for path in HOST
        if not path.stem.startswith("_") or path.stem == "__init__"
    ]
    program = _WINDOWS.format(root=str(ROOT)).replace(
        "from torpor_tools.cli import run\nsys.exit(run(sys.argv[1:]))",
        "import importlib\nfor name in sys.argv[1:]: importlib.import_module(name)",
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *names], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr


def test_the_check_sees_later_changes_without_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise OSError(22, "A required privilege is not held by the client")

    monkeypatch.setattr(Path, "symlink_to", refused)
    root = project(tmp_path)
    assert check_types(load_plan(root)) == []
    source = root / "services" / "hello" / "__init__.py"
    good = source.read_text()
    source.write_text(good + "\n\nx: int = 'text'\n")
    (problem,) = check_types(load_plan(root))
    assert problem.where
    assert problem.where.file == "services/hello/__init__.py"
    source.write_text(good)
    assert check_types(load_plan(root)) == []


@pytest.mark.parametrize("handlers", ["asyncio's", "signal's"])
def test_ctrl_c_ends_a_command(handlers: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows' event loop takes no handlers, and its signal module has no SIGHUP."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if handlers == "signal's":
        monkeypatch.delattr(signal, "SIGHUP")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        if handlers == "signal's":

            def refuse(*_: object) -> None:
                raise NotImplementedError

            monkeypatch.setattr(loop, "add_signal_handler", refuse)
        signals.cancel_at_signals()
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(30)

    try:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(main())
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL  # the next one ends us at once
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_windows_starts_the_broker_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("nats.conf")
    here = nats.command("nats-server", file)
    assert here[0] == sys.executable
    assert here[-3:] == ["nats-server", "-c", "nats.conf"]
    monkeypatch.setattr(nats, "os", SimpleNamespace(name="nt"))
    assert nats.command("nats-server", file) == ["nats-server", "-c", "nats.conf"]


def test_windows_waits_for_the_terminal_of_a_board(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def run(words: list[str], check: bool) -> SimpleNamespace:
        started.append(words)
        return SimpleNamespace(returncode=3)

    monkeypatch.setattr(repl, "os", SimpleNamespace(name="nt"))
    monkeypatch.setattr("subprocess.run", run)
    monkeypatch.setattr("torpor_tools.board.flash.line.check", lambda device: None)
    with pytest.raises(SystemExit) as ended:
        repl.command.main(["--port", "COM3"], standalone_mode=False, obj=Settings("."))
    assert ended.value.code == 3
    assert started[0][1:4] == ["-m", "mpremote", "connect"]


def case_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``Path.is_file`` ignore case, as a filesystem of macOS or Windows does."""
    true = Path.is_file

    def is_file(self: Path, **more: Any) -> bool:
        if true(self, **more):
            return True
        return self.parent.is_dir() and any(
            name.lower() == self.name.lower() and true(self.parent / name)
            for name in os.listdir(self.parent)
        )

    monkeypatch.setattr(Path, "is_file", is_file)


def test_a_module_has_the_name_that_a_chip_will_look_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project(tmp_path)
    (root / "services" / "hello" / "rules.py").touch()
    folder = root / "services" / "hello"
    case_blind(monkeypatch)
    assert (folder / "Rules.py").is_file()
    assert is_file(folder / "rules.py", root)
    for name in ("Rules.py", "RULES.PY", "absent.py"):
        assert not is_file(folder / name, root)
    assert libraries.find(folder, "rules")
    assert libraries.find(folder, "Rules") is None
    assert sources._find(folder, "rules")
    assert sources._find(folder, "Rules") is None
    monkeypatch.setattr("torpor_tools.contracts.source.is_file", is_file)
    (folder / "__init__.py").rename(folder / "__INIT__.py")
    with pytest.raises(UserError, match=r"no services/hello/__init__\.py"):
        read_source(root, "hello")


def test_text_is_the_same_on_every_system() -> None:
    """Without ``encoding`` Windows reads cp1252; without ``newline`` it writes CR LF."""
    lacking = [
        f"{path.relative_to(ROOT)}:{node.lineno} lacks {missing}"
        for path in HOST
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        for missing in _lacking(node)
    ]
    assert lacking == []


def _lacking(call: ast.Call) -> list[str]:
    """The arguments that a call which opens a text file must have and does not."""
    function = ast.unparse(call.func)
    name = function.rpartition(".")[2]
    named = {keyword.arg for keyword in call.keywords}
    texts = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if name == "read_text" and "." in function:
        wanted = {"encoding"} if not call.args else set()
    elif name == "write_text" and not function.endswith("formatter.write_text"):
        wanted = {"newline"} | ({"encoding"} if len(call.args) < 2 else set())
    elif name in ("open", "fdopen") and texts and set(texts[-1]) <= set("rwxat+"):
        wanted = {"encoding"} | ({"newline"} if texts[-1] != "r" else set())
    elif name in ("run", "Popen", "check_output") and "text" in named:
        wanted = {"encoding"}
    else:
        wanted = set()
    return sorted(wanted - named)


def test_messages_of_mypy_may_contain_characters_that_the_code_page_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its messages go through a pipe, which has the encoding of the system."""
    for name, value in (("LC_ALL", "C"), ("PYTHONCOERCECLOCALE", "0"), ("PYTHONUTF8", "0")):
        monkeypatch.setenv(name, value)
    (tmp_path / "mypy.ini").write_text("[mypy]\n", encoding="utf-8")
    (tmp_path / "m.py").write_text("größe = 名\n", encoding="utf-8")
    (message,) = run_mypy(tmp_path / "mypy.ini", tmp_path, [Path("m.py")])
    assert message["message"] == 'Name "名" is not defined'


LINUX_ALONE = {"locks.py", "_child.py", "_launch.py", "_emulator_process.py"}  # they ask first
NOT_ON_WINDOWS = {
    *("fcntl", "termios", "tty", "pty", "pwd", "grp", "resource"),
    *("signal.SIGKILL", "signal.SIGHUP", "os.fork", "os.killpg", "os.geteuid"),
}


def test_only_a_few_files_use_functions_that_windows_lacks() -> None:
    for path in HOST:
        if path.name not in LINUX_ALONE:
            nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
            used = {ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute)}
            used |= {a.name for node in nodes if isinstance(node, ast.Import) for a in node.names}
            assert not used & NOT_ON_WINDOWS, path
