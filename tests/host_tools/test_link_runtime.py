"""The linker's knowledge of the runtime is correct: it is compared with ``firmware/``."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from torpor_tools.link import runtime

FIRMWARE = Path(__file__).parents[2] / "firmware"


def definitions(path: Path) -> dict[str, ast.stmt]:
    body = ast.parse(path.read_text()).body
    kinds = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
    return {node.name: node for node in body if isinstance(node, kinds)}


def file_of(module: str) -> Path:
    path = FIRMWARE / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@pytest.mark.parametrize("part", runtime.PARTS)
def test_a_part_has_a_start(part: str) -> None:
    start = definitions(file_of(f"torpor.{part}"))["start"]
    assert isinstance(start, ast.FunctionDef)
    assert len(start.args.args) == 1


def test_every_part_is_listed() -> None:
    files = sorted((FIRMWARE / "torpor").rglob("*.py"))
    # The kernel awaits its own start, a part's is a plain function.
    started = [p for p in files if isinstance(definitions(p).get("start"), ast.FunctionDef)]
    named = [file_of(f"torpor.{part}") for part in runtime.PARTS]
    assert sorted(started) == sorted(named)


@pytest.mark.parametrize("module", [*runtime.OPTIONAL, *runtime.SHAKEN, *runtime.COLLECTIONS])
def test_a_module_exists(module: str) -> None:
    assert module in runtime.PORT_MODULES or file_of(module).is_file()


@pytest.mark.parametrize("name", runtime.PACKAGES)
def test_a_package_exists(name: str) -> None:
    assert (FIRMWARE / name).is_dir() or (FIRMWARE / f"{name}.py").is_file()


@pytest.mark.parametrize("port", ["esp32", "rp2", "unix"])
def test_each_port_has_its_files(port: str) -> None:
    for suffix in runtime.PORT_MODULES.values():
        if port != "unix" or not suffix:  # a Linux process does not sleep
            assert (FIRMWARE / "ports" / f"{port}{suffix}.py").is_file()


def test_the_files_that_start_a_chip() -> None:
    assert all((FIRMWARE / name).is_file() for name in runtime.START_FILES)


def test_the_decorators_are_those_of_torpor() -> None:
    found = definitions(FIRMWARE / "torpor/contract.py").items()
    names = {name for name, node in found if not isinstance(node, ast.ClassDef)}
    assert set(runtime.DECORATORS) == names


def test_the_limits_are_those_of_torpor() -> None:
    found = definitions(FIRMWARE / "torpor/contract.py").items()
    classes = {name for name, node in found if isinstance(node, ast.ClassDef)}
    assert {*runtime.LIMITS, runtime.EVENT} == classes


def test_names_that_only_some_images_have() -> None:
    for name, module in runtime.MOVED.items():
        assert name in definitions(file_of(module))


def test_the_converters_are_functions_of_the_runtime() -> None:
    names = {*runtime.CONVERTERS.values(), *runtime.PATH_CONVERTERS, *runtime.COMBINERS}
    assert names <= set(definitions(FIRMWARE / "torpor/http/args.py"))
