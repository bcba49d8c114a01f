"""Imports point one way, and nothing of this machine is in the tree."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "firmware": {"torpor", "microdot", "cluster"},
    "sim/shims": {"torpor", "cluster"},  # those that look into the program or add to it
    "sim/torpor_sim": {
        "torpor_sim",
        "torpor_tools.project.curves",  # what inputs may follow
        "torpor_tools.project.ports",  # how the boards behave
        "torpor_tools.bytecode",
        "torpor_tools.model",
        "torpor_tools.errors",
        "torpor_tools.extras",
        "torpor_tools.files",
        "torpor_tools.locks",
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


DEVICE = ("firmware", "services", "sim/shims")
# The files that number what MicroPython's errno does not name.
TABLES = {
    "_ENFILE": "firmware/torpor/http/listener.py",
    "ENOSPC": "firmware/torpor/store/segment.py",
}


def _bare_errnos(tree: ast.AST, file: str = "") -> list[int]:
    """The lines that compare an errno with a number, or raise one; but for those of ``TABLES``."""
    numbers = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            numbers[name] = TABLES.get(name) != file and _holds_number(node.value, {})
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(isinstance(s, ast.Attribute) and s.attr == "errno" for s in sides):
                found += [node.lineno] * any(_holds_number(side, numbers) for side in sides)
        elif isinstance(node, ast.Call) and node.args and ast.unparse(node.func) == "OSError":
            found += [node.lineno] * _holds_number(node.args[0], numbers)
    return found


def _holds_number(node: ast.expr, numbers: dict[str, bool]) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "const":
        return _holds_number(node.args[0], numbers)
    if isinstance(node, ast.Tuple | ast.List | ast.Set):
        return any(_holds_number(each, numbers) for each in node.elts)
    if isinstance(node, ast.IfExp):
        return _holds_number(node.body, numbers) or _holds_number(node.orelse, numbers)
    if isinstance(node, ast.Name):
        return numbers.get(node.id, False)
    return isinstance(node, ast.Constant) and type(node.value) is int and node.value > 0


@pytest.mark.parametrize("folder", DEVICE)
def test_no_errno_is_a_bare_number(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*.py")):
        file = str(path.relative_to(ROOT))
        lines = _bare_errnos(ast.parse(path.read_text()), file)
        assert not lines, f"{file}, lines {lines}: take it from errno"


def test_a_bare_errno_is_found() -> None:
    for text in (
        "e.errno == 11",
        "_AGAIN = (11, 103)\ne.errno in _AGAIN",
        "_FULL = const(28)\nif e.errno != _FULL: pass",
        "raise OSError(104)",
        "raise OSError(23 if _ESP32 else 12)",
    ):
        assert _bare_errnos(ast.parse(text)), text
    assert not _bare_errnos(ast.parse("e.errno == EAGAIN or OSError('text') or OSError(-2)"))


def test_the_numbers_that_errno_lacks_are_those_of_every_port() -> None:
    numbers = {
        name: ast.literal_eval(node.value.args[0])
        for name, path in TABLES.items()
        for node in ast.parse((ROOT / path).read_text()).body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.targets[0]) == name
    }
    assert numbers.keys() == TABLES.keys()
    numbers = {name.lstrip("_"): number for name, number in numbers.items()}
    for path in (ROOT / "boards" / "ports").glob("*.toml"):
        stated = tomllib.loads(path.read_text())["errno"]
        assert numbers.items() <= stated.items(), path.name


ANNOTATED = ("firmware/torpor", "firmware/torpor_test", "firmware/ports")


def _unannotated(tree: ast.AST) -> list[str]:
    """Return the public functions of a module with an argument or a result without a type."""
    found = []
    for owner in [tree, *(n for n in ast.walk(tree) if isinstance(n, ast.ClassDef))]:
        if isinstance(owner, ast.ClassDef) and owner.name.startswith("_"):
            continue
        for node in owner.body:  # type: ignore[attr-defined]
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if node.name.startswith("_") and node.name != "__init__":
                continue
            every = node.args
            arguments = [*every.posonlyargs, *every.args, *every.kwonlyargs]
            arguments += [a for a in (every.vararg, every.kwarg) if a]
            typed = all(a.annotation for a in arguments if a.arg != "self")
            if not typed or (node.returns is None and node.name != "__init__"):
                found.append(f"{node.lineno}: {node.name}")
    return found


@pytest.mark.parametrize("folder", ANNOTATED)
def test_public_device_functions_have_annotations(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    found = [f"{f.name}:{each}" for f in files for each in _unannotated(ast.parse(f.read_text()))]
    assert found == []


def test_a_function_without_annotations_is_found() -> None:
    source = (
        "class A:\n    def a(self, x: int): ...\n    def _b(self, x): ...\ndef c(x) -> int: ...\n"
    )
    assert _unannotated(ast.parse(source)) == ["4: c", "2: a"]
