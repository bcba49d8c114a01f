"""The pytest plugin, found by pytest in every environment that has torpor installed."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect the tests of a service without importing the service: it runs on a board."""
    if path.parent.name != "services" or not (path.parents[1] / "cluster.toml").is_file():
        return None
    if parent.config.getoption("importmode") == "importlib":
        _stand_in(path, parent.config.rootpath)
    folder: pytest.Dir = pytest.Dir.from_parent(parent, path=path)
    return folder


def _stand_in(folder: Path, root: Path) -> None:
    """An empty package for ``folder``: in this mode pytest imports a test's parent packages."""
    if folder.is_relative_to(root):
        name = ".".join(folder.relative_to(root).parts)
        module = ModuleType(name)
        module.__path__ = [str(folder)]
        sys.modules.setdefault(name, module)
