"""pytest's hooks, and nothing else.

pytest loads this file in every run; the rest of the plugin is loaded with the first test file of a
service, so that other runs do not pay for it.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from ..errors import UserError
from ..extras import missing_packages, need

if TYPE_CHECKING:
    from .collect import DeviceFile
    from .session import DeviceSession

_SESSION = pytest.StashKey["DeviceSession | None"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("torpor", "torpor: tests of services, in MicroPython")
    group.addoption(
        "--target",
        default="unix",
        metavar="TARGET",
        help="where tests of services run: unix (default), emulated, or a serial port",
    )
    group.addoption(
        "--no-strict",
        action="store_true",
        help="let calls between a service and its stand-ins pass as they are",
    )
    group.addoption(
        "--service-coverage",
        action="store_true",
        help="note which lines of the services run, in coverage.py's data file",
    )
    timeout = "seconds that a test of a service may take, as if on this computer"
    parser.addini("device_timeout", timeout, default="10")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers", "device_timeout(seconds): how long this test of a service may take"
    )
    config.stash[_SESSION] = None
    _check_target(config)
    if config.getoption("service_coverage") and find_spec("coverage") is None:
        error = missing_packages("--service-coverage", ["coverage"], "test")
        raise pytest.UsageError(str(error))


def pytest_unconfigure(config: pytest.Config) -> None:
    session = config.stash.get(_SESSION, None)
    if session:
        session.close()


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Skip linked folders that are not part of a service or contain themselves.

    pytest follows links, so ``static/up -> ..`` would collect the tests again at every level.
    """
    if not collection_path.is_symlink() or not collection_path.is_dir():
        return None
    for folder in collection_path.parents:
        if (folder / "cluster.toml").is_file():
            parts = collection_path.relative_to(folder).parts
            inside = parts[0] == "services" and len(parts) > 2 and parts[2:] != ("tests",)
            # A linked folder above is already resolved here: it leads to one of the parents.
            loops = collection_path.parent.resolve().is_relative_to(collection_path.resolve())
            return True if inside or loops else None
    return None


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the tests of a service or of ``lib/`` without importing it: it runs on a board."""
    service = path.parent if path.name == "tests" else path
    of_service = service.parent.name == "services"
    of_service = of_service and (service.parents[1] / "cluster.toml").is_file()
    if not of_service and not _is_in_lib(path):
        return None
    if parent.config.getoption("importmode") == "importlib":
        _stand_in(path, parent.config.rootpath)
    folder: pytest.Dir = pytest.Dir.from_parent(parent, path=path)
    return folder


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    if not _runs_on_device(module_path):
        return None
    from .collect import DeviceFile

    file: DeviceFile = DeviceFile.from_parent(parent, path=module_path)
    return file


def pytest_collection_finish(session: pytest.Session) -> None:
    found = dict.fromkeys(map(_file, session.items))
    files = [file for file in found if file]
    if files:
        _session(session.config).begin(files)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    file = _file(pyfuncitem)
    if file is None:
        return None
    _session(pyfuncitem.config).run(pyfuncitem, file)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    file = _file(item)
    if file is not None and call.excinfo and not report.passed:
        from .report import improve

        improve(report, item, file.path, call.excinfo.value)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    """xdist: a worker is done; what it has counted is in its output."""
    lines = getattr(node, "workeroutput", {}).get("torpor_lines")
    if lines:
        _session(node.config).coverage.add(lines)  # type: ignore[attr-defined]


def pytest_sessionfinish(session: pytest.Session) -> None:
    found = session.config.stash[_SESSION]
    if found:
        found.finish()


def pytest_report_header(config: pytest.Config) -> str | None:
    target = config.getoption("target")
    return None if target == "unix" else f"torpor: services on {target}"


def _stand_in(folder: Path, root: Path) -> None:
    """An empty package for ``folder``: in this mode pytest imports a test's parent packages."""
    if folder.is_relative_to(root):
        name = ".".join(folder.relative_to(root).parts)
        module = ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules.setdefault(name, module)


def _check_target(config: pytest.Config) -> None:
    target = config.getoption("target")
    if target != "unix" and config.getoption("numprocesses", None):
        raise pytest.UsageError(f"--target={target}: there is one board, so leave -n out")
    words = list(map(str, config.invocation_params.args))
    if "--target" in words and Path(target).is_absolute():
        # pytest looks for its configuration next to every argument that is a path.
        raise pytest.UsageError(f"write --target={target}, with =")
    if target != "unix":
        try:
            need("emulator" if target == "emulated" else "board")
        except UserError as error:
            raise pytest.UsageError(str(error)) from None


def _runs_on_device(path: Path) -> bool:
    """Whether the file's tests run in MicroPython.

    They are ``services/<name>/tests/test_*.py``, ``lib/<name>/tests/test_*.py`` and
    ``lib/tests/test_*.py``.
    """
    tests = path.parent
    if not path.name.startswith("test_") or tests.name != "tests":
        return False
    of_service = tests.parents[1].name == "services"
    return (of_service and (tests.parents[2] / "cluster.toml").is_file()) or _is_in_lib(tests)


def _is_in_lib(folder: Path) -> bool:
    """Whether a folder is below the ``lib/`` of a project."""
    return any(
        each.name == "lib" and (each.parent / "cluster.toml").is_file() for each in folder.parents
    )


def _file(item: pytest.Item) -> DeviceFile | None:
    """The test file of a service that the item is from, if it is from one."""
    if not _runs_on_device(item.path):
        return None
    from .collect import DeviceFile

    return item.getparent(DeviceFile)


def _session(config: pytest.Config) -> DeviceSession:
    from .session import DeviceSession

    session = config.stash[_SESSION]
    if session is None:
        session = config.stash[_SESSION] = DeviceSession(config)
    return session
