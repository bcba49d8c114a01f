"""Imports point one way, and nothing of this machine is in the tree."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "firmware": {"torpor", "microdot", "cluster"},
    "sim/overlays": {"torpor", "cluster"},  # those that look into the program or add to it
    "sim/torpor_sim": {
        "torpor_sim",
        "torpor_tools.config.ports",  # how the boards behave
        "torpor_tools.model",
        "torpor_tools.errors",
        "torpor_tools.files",
        "torpor_tools.paths",
        "torpor_tools.tracebacks",
    },
    "host_tools/torpor_tools/model": {"torpor_tools.errors", "torpor_tools.model"},
}
OURS = ("torpor", "torpor_tools", "torpor_sim", "services", "cluster", "microdot", "tests")


def _imports(path: Path) -> set[str]:
    package = path.relative_to(ROOT).parent.parts
    package = package[1:] if package[0] in ("host_tools", "sim", "firmware") else package
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            found.add(".".join([*base, *([node.module] if node.module else [])]))
    return {name for name in found if name.split(".")[0] in OURS}


@pytest.mark.parametrize("folder", ALLOWED)
def test_imports_point_one_way(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    for path in files:
        for name in _imports(path):
            assert any(name == a or name.startswith(a + ".") for a in ALLOWED[folder]), (
                f"{path.relative_to(ROOT)} imports {name}"
            )


def test_the_tools_never_import_device_code() -> None:
    for path in sorted((ROOT / "host_tools/torpor_tools").rglob("*.py")):
        if "templates" not in path.parts:
            assert not {n.split(".")[0] for n in _imports(path)} & {"torpor", "services", "cluster"}


def test_no_tracked_file_names_this_machine() -> None:
    files = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    hosts = ("pythonhosted" + ".org", "pypi" + ".org", "registry.npmjs" + ".org")
    for name in files:
        path = ROOT / name
        if path.is_file() and path.suffix in (".py", ".toml", ".md", ".lock", ".txt", ""):
            text = path.read_text(errors="replace")
            assert not any(host in text for host in hosts), name
            assert "/work" + "/main" not in text, name
