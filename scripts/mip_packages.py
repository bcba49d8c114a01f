"""Writes the mip packages of the parts that work without the rest of torpor.

``python scripts/mip_packages.py`` renews ``firmware/torpor-*.json``. Each lists a part's modules
and all modules that they import, so ``mip`` copies what the part needs and nothing else.
docs/parts.md shows how to use them.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
FIRMWARE = ROOT / "firmware"
PARTS = {
    "http": ["torpor.http.budget", "torpor.http.listener"],
    "store": ["torpor.store.database"],
    "mqtt": ["torpor.mqtt.client"],
}

_UNSET = ("False", "const(0)")  # the value of TYPE_CHECKING, and of a flag of ``link/flags.py``


def main() -> None:
    """Write the package of each part."""
    for part in PARTS:
        path_of(part).write_text(package(part), "utf-8")


def path_of(part: str) -> Path:
    """Return the file that ``mip`` is given for a part."""
    return FIRMWARE / f"torpor-{part}.json"


def package(part: str) -> str:
    """Return the package of a part as JSON, as micropython-lib describes it.

    The addresses are relative: they count from where the package itself was found.
    """
    files = sorted(str(_file(name).relative_to(FIRMWARE)) for name in needed(PARTS[part]))
    urls = [[file, file] for file in files]
    return json.dumps({"version": _version(), "deps": [], "urls": urls}, indent=1) + "\n"


def needed(modules: list[str]) -> set[str]:
    """Return the names of modules with all modules of ``firmware/`` that they import."""
    names: set[str] = set()
    unread = list(modules)
    while unread:
        name = unread.pop()
        if name not in names and _file(name).exists():
            names.add(name)
            unread += [name.rpartition(".")[0] or name, *_imported(name)]
    return names


def _file(name: str) -> Path:
    path = FIRMWARE / name.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _imported(name: str) -> Iterator[str]:
    """Yield what a module imports anywhere; the names may be of functions, too."""
    package = name if _file(name).name == "__init__.py" else name.rpartition(".")[0]
    for node in _statements(ast.parse(_file(name).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                parents = package.split(".")
                parents = parents[: len(parents) - node.level + 1]
                origin = ".".join(parents + ([node.module] if node.module else []))
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield what is in a module, without what never runs where no linker has set its flags."""
    assigned = [n for n in tree.body if isinstance(n, ast.Assign)]
    unset = {ast.unparse(n.targets[0]) for n in assigned if ast.unparse(n.value) in _UNSET}

    def inside(node: ast.AST) -> Iterator[ast.AST]:
        for child in ast.iter_child_nodes(node):
            if not (isinstance(child, ast.If) and ast.unparse(child.test) in unset):
                yield child
                yield from inside(child)

    return inside(tree)


def _version() -> str:
    lines = (ROOT / "pyproject.toml").read_text("utf-8").splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("version = "))


if __name__ == "__main__":
    main()
