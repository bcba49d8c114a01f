"""The modules of an image."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from tests.host_tools.small_plans import NOWHERE, Small, argument, method, plan
from torpor_tools import paths
from torpor_tools.contracts import load_plan
from torpor_tools.errors import Problem, UserError
from torpor_tools.link import build, shake
from torpor_tools.link.resolve import resolved
from torpor_tools.link.start import start_modules
from torpor_tools.link.wiring import wiring
from torpor_tools.model.contract import Migration


def collected(tmp_path: Path, **services: Small) -> tuple[set[str], list[Problem]]:
    made = plan(tmp_path, services)
    program = resolved(made, made.boards[0], {"cluster": wiring(made, made.boards[0])})
    modules, problems = list(program.modules.values()), program.problems
    assert [m.name for m in modules] == sorted({m.name for m in modules})
    return {m.name for m in modules}, problems


def names(tmp_path: Path, **services: Small) -> set[str]:
    found, problems = collected(tmp_path, **services)
    assert problems == []
    return found


def problem(tmp_path: Path, line: str) -> Problem:
    """Return the only problem of a service whose line 3 is ``line``."""
    source = f"# first\n# second\n{line}\n\nclass A: pass\n"
    _, found = collected(tmp_path, a=Small({"__init__.py": source, "rules.py": ""}))
    assert len(found) == 1
    assert str(found[0].where) == "services/a/__init__.py:3"
    assert found[0].remedy
    return found[0]


def test_all_modules_of_a_service_but_not_its_tests(tmp_path: Path) -> None:
    files = {
        "rules.py": "",
        "deep/__init__.py": "",
        "deep/inner.py": "",
        "tests/test_rules.py": "import pytest",
        "migrations/0001_x.py": "",
        ".hidden/x.py": "",
        "__pycache__/rules.py": "",
        "static/app.js": "",
    }
    found = names(tmp_path, a=Small(files))
    assert {n for n in found if n.startswith("services")} == {
        "services.a",
        "services.a.rules",
        "services.a.deep",
        "services.a.deep.inner",
        "services.a.migrations.0001_x",
    }


def test_the_start_files_bring_the_kernel(tmp_path: Path) -> None:
    assert {"cluster", "torpor", "torpor.kernel"} <= names(tmp_path, a=Small())
    assert [module.path for module in start_modules("rp2")] == ["boot.py", "main.py"]
    assert [module.path for module in start_modules("unix")] == ["main.py"]


def test_imports_inside_functions_count(tmp_path: Path) -> None:
    source = "class A:\n    async def _f(self):\n        from torpor import system\n"
    assert "torpor.system" in names(tmp_path, a=Small({"__init__.py": source}))
    assert "torpor.system" not in names(tmp_path, b=Small())


def test_imports_for_type_checks_do_not_count(tmp_path: Path) -> None:
    assert "torpor.contract" not in names(tmp_path, a=Small())


def test_converters_only_for_routes_with_arguments(tmp_path: Path) -> None:
    bare = method("m", "GET /")
    full = method("m", "GET /", arguments=(argument("x", "int"),))
    assert "torpor.http.args" not in names(tmp_path, a=Small(methods=(bare,)))
    assert "torpor.http.args" in names(tmp_path, b=Small(methods=(full,)))


def _migrated(indexes: bool = False) -> Small:
    return Small(keeps={"migrations": (Migration("0001_x", "", NOWHERE, indexes),)})


FEATURES = {
    "torpor.http.budget": (Small(port=8001), Small(port=None)),
    "torpor.http.listener": (Small(port=8001), Small(port=None)),
    "torpor.http.microdot_adapter": (Small(has_app=True), Small(has_app=True, port=None)),
    "torpor.store": (Small(keeps={"uses_store": True}), Small()),
    "torpor.store.database": (Small(keeps={"uses_store": True}), Small()),
    "torpor.store.migrate": (_migrated(), Small(keeps={"uses_store": True})),
    "torpor.store.secondary": (_migrated(indexes=True), _migrated()),
    "torpor.store.state": (Small(keeps={"uses_state": True}), Small(keeps={"uses_store": True})),
    "torpor.schedule": (Small(methods=(method("m", every_ms=1000),)), Small()),
}


@pytest.mark.parametrize("module", sorted(FEATURES))
def test_an_optional_module_only_with_its_feature(tmp_path: Path, module: str) -> None:
    feature, none = FEATURES[module]
    assert module in names(tmp_path, a=feature, b=none)
    assert module not in names(tmp_path, b=none)


def test_converters_that_no_route_needs_are_omitted(tmp_path: Path) -> None:
    one = method("m", "GET /", arguments=(argument("x", "int", default="1"),))
    made = plan(tmp_path, {"a": Small(methods=(one,))})
    board = made.boards[0]
    program = resolved(made, board, {"cluster": wiring(made, board)})
    shake.run(program)
    args = program.modules["torpor.http.args"]
    assert "def int_(" in args.source
    assert "def _lookup(" in args.source  # which int_ calls
    assert "def float_(" not in args.source
    whole = (paths.firmware_dir() / "torpor/http/args.py").read_text()
    assert args.source.count("\n") == whole.count("\n")


@pytest.mark.parametrize("streamed", [True, False])
def test_streaming_only_for_routes_that_stream(tmp_path: Path, streamed: bool) -> None:
    made = plan(tmp_path, {"a": Small(methods=(method("m", "GET /", streamed=streamed),))})
    board = made.boards[0]
    program = resolved(made, board, {"cluster": wiring(made, board)})
    shake.run(program)
    response = program.modules["torpor.http.response"].source
    assert ("async def streamed(" in response) is streamed
    assert ("def _next_chunk(" in response) is streamed


def test_every_optional_module_exists() -> None:
    for module in FEATURES:
        path = paths.firmware_dir() / module.replace(".", "/")
        assert path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


def test_the_port_of_the_board_is_torpor_port(tmp_path: Path) -> None:
    source = "from torpor import system\nclass A: pass\n"
    made = plan(tmp_path, {"a": Small({"__init__.py": source})})
    program = resolved(made, made.boards[0], {"cluster": ""})
    modules = list(program.modules.values())
    port = next(m for m in modules if m.name == "torpor.port")
    assert port.file == "firmware/ports/rp2.py"
    assert port.path == "torpor/port.py"


# -- packages from PyPI


def test_only_the_imported_parts_of_microdot(tmp_path: Path) -> None:
    plain = Small({"__init__.py": "from microdot import Microdot\n\nclass A: pass\n"})
    events = Small({"page.py": "from microdot.sse import with_sse\n"})

    def microdot(**services: Small) -> set[str]:
        return {n for n in names(tmp_path, **services) if n.startswith("microdot")}

    assert microdot(c=Small()) == set()
    assert microdot(a=plain) == {"microdot", "microdot.microdot"}
    assert microdot(a=plain, b=events) == {
        "microdot",
        "microdot.microdot",
        "microdot.sse",
        "microdot.helpers",
    }


def test_a_package_that_needs_a_module_that_the_device_lacks(tmp_path: Path) -> None:
    found = problem(tmp_path, "from microdot.jinja import Template")
    assert found.what == "microdot.jinja needs jinja2, which MicroPython does not have"


def test_a_package_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def distribution(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", distribution)
    found = problem(tmp_path, "import microdot")
    assert found.what == "microdot is not installed here, so it cannot be put into the image"
    assert found.remedy == "pip install microdot"


# -- imports that lead nowhere


@pytest.mark.parametrize(
    ("line", "what", "remedy"),
    [
        ("import dataclasses", "MicroPython has no module dataclasses", "write a plain class"),
        ("from datetime import date", "MicroPython has no module datetime", "torpor.clock"),
        ("import jsn", "MicroPython has no module jsn", 'did you mean "json"?'),
        ("import rules", "MicroPython has no module rules", "`from . import rules`"),
        ("import zzzzzz", "MicroPython has no module zzzzzz", "put zzzzzz.py into lib/"),
        ("import esp32", "the firmware of this board (rp2) has no module esp32", "esp32 have"),
        ("from .rulez import X", "services/a/ has no module rulez", '"services.a.rules"'),
        ("from .tests.x import X", "services/a/tests/ does not go to the board", "move"),
        ("import torpor.nothing", "there is no module torpor.nothing", "torpor"),
        ("from ..b import B", "services.b belongs to another service", "a peer's class"),
        ("from services.b.x import Y", "services.b.x belongs to another service", "a peer's class"),
        ("import services.b", "services.b belongs to another service", "a peer's class"),
        ("from services import b", "services.b belongs to another service", "a peer's class"),
        ("def f(): import enum", "MicroPython has no module enum", "const("),
        ("x = __import__('enum')", "MicroPython has no module enum", "const("),
        ("def f(): return __import__('typing').Any", "MicroPython has no module typing", "annot"),
        ("__import__('services.b')", "services.b belongs to another service", "a peer's class"),
        *(
            (f"import {name}", f"the simulator and the tests have no module {name},", "ImportError")
            for name in ("bluetooth", "ubluetooth", "aioble.client", "webrepl", "lwip")
        ),
        ("from aioble import scan", "the simulator and the tests have no module aioble,", "catch"),
        ("def f(): import lwip", "the simulator and the tests have no module lwip,", "catch"),
        (
            "from machine import I2S, Pin",
            "the simulator and the tests have no machine.I2S",
            "use it",
        ),
        ("from rp2 import asm_pio", "the simulator and the tests have no rp2.asm_pio", "catch"),
        ("def f(): from network import route", "the simulator and the tests have no network", ""),
        ("x = __import__('lwip')", "the simulator and the tests have no module lwip,", "catch"),
    ],
)
def test_a_missing_module(tmp_path: Path, line: str, what: str, remedy: str) -> None:
    found = problem(tmp_path, line)
    assert found.what.startswith(what)
    assert remedy in found.remedy


def test_a_module_that_only_this_chip_lacks(tmp_path: Path) -> None:
    source = "{}from torpor import Service\n\n\nclass A(Service):\n    pass\n"
    guarded = "try:\n    import bluetooth\nexcept ImportError:\n    pass\n"
    c6 = write_cluster(tmp_path / "c6", {"a": source.format(guarded)}, "ESP32_GENERIC_C6")
    build(load_plan(c6), "box", tmp_path / "build", types=False)
    plain = source.format("import bluetooth\n")
    s2 = write_cluster(tmp_path / "s2", {"a": plain}, "ESP32_GENERIC_S2")
    with pytest.raises(UserError) as caught:
        build(load_plan(s2), "box", tmp_path / "build", types=False)
    [found] = caught.value.problems
    assert found.what == "the firmware of this board's chip has no module bluetooth"
    assert found.remedy == "boards of the port esp32 with another chip have it"


@pytest.mark.parametrize(
    "line",
    [
        "import time, machine, rp2, onewire, network, asyncio.core, ujson, micropython, ntptime",
        "import ds18x20, requests, mip, ssl, tls, vfs, framebuf, uctypes, cryptolib, _thread",
        "time = __import__('time')\nx = __import__(name)",
        "try:\n    import bluetooth, aioble\nexcept ImportError:\n    pass",
        "try:\n    from rp2 import PIO\nexcept ImportError:\n    pass\nimport rp2; rp2.PIO",
        "from machine import Signal, time_pulse_us",
        "from typing import Any\nfrom typing_extensions import TypedDict\nx: TypedDict",
        "from .rules import X\nfrom . import rules\nimport services.a.rules",
        "from machine import Pin",
        "try:\n    import orjson as json\nexcept ImportError:\n    import json",
        "try:\n    import typing_extensions\nexcept (ImportError, OSError):\n    pass",
    ],
)
def test_not_missing(tmp_path: Path, line: str) -> None:
    names(tmp_path, a=Small({"__init__.py": f"{line}\nclass A: pass\n", "rules.py": "X = 1"}))


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "latin.py": "x = 'caf\xe9'".encode("latin-1"),
        "wrong.py": "\nx = = 1\n",
        "ok.py": "",
    }
    found, problems = collected(tmp_path, a=Small(files))
    assert "services.a.ok" in found
    assert [str(p.where) for p in problems] == [
        "services/a/latin.py:1:9",
        "services/a/wrong.py:2:5",
    ]
    assert problems[0].what == "the file is not UTF-8: the byte 0xe9, which is 'é' in Latin-1"
    assert all(p.remedy for p in problems)


def test_a_byte_order_mark_is_removed(tmp_path: Path) -> None:
    made = plan(tmp_path, {"a": Small({"__init__.py": "\ufeffclass A: pass\n"})})
    program = resolved(made, made.boards[0], {"cluster": ""})
    modules, problems = list(program.modules.values()), program.problems
    assert problems == []
    assert next(m for m in modules if m.name == "services.a").source == "class A: pass\n"
