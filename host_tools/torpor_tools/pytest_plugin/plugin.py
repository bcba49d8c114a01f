"""pytest's hooks, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Generator
from pathlib import Path
from types import ModuleType

import pytest

from ..errors import UserError
from .collect import DeviceFile
from .report import DeviceFailure, representation
from .session import DeviceSession
from .source import test_module

_SESSION = pytest.StashKey[DeviceSession]()


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
    config.stash[_SESSION] = DeviceSession(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    session = config.stash.get(_SESSION, None)
    if session:
        session.close()


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the tests of a service without importing the service: it runs on a board."""
    service = path.parent if path.name == "tests" else path
    if service.parent.name != "services" or not (service.parents[1] / "cluster.toml").is_file():
        return None
    if parent.config.getoption("importmode") == "importlib":
        _stand_in(path, parent.config.rootpath)
    folder: pytest.Dir = pytest.Dir.from_parent(parent, path=path)
    return folder


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    if not test_module(module_path):
        return None
    file: DeviceFile = DeviceFile.from_parent(parent, path=module_path)
    return file


def pytest_collection_finish(session: pytest.Session) -> None:
    found = dict.fromkeys(item.getparent(DeviceFile) for item in session.items)
    session.config.stash[_SESSION].files = [file for file in found if file]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    file = pyfuncitem.getparent(DeviceFile)
    if file is None:
        return None
    pyfuncitem.config.stash[_SESSION].run(pyfuncitem, file)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    error = call.excinfo.value if call.excinfo else None
    file = item.getparent(DeviceFile)
    if file is None or report.passed:
        return report
    line = (item.reportinfo()[1] or 0) + 1
    if report.skipped and isinstance(report.longrepr, tuple) and error is not None:
        report.longrepr = (str(file.path), line, report.longrepr[2])
    elif isinstance(error, DeviceFailure) and report.outcome == "failed":
        root = file.path.parents[3]
        report.longrepr = representation(item.config, root, file.path, line, error.outcome)
    elif isinstance(error, UserError):
        report.longrepr = str(error)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object, error: object) -> None:
    """xdist: a worker is done; what it has counted is in its output."""
    output = getattr(node, "workeroutput", {})
    node.config.stash[_SESSION].coverage.add(output.get("torpor_lines", {}))  # type: ignore[attr-defined]


def pytest_sessionfinish(session: pytest.Session) -> None:
    session.config.stash[_SESSION].finish()


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
