"""mypy with the boards' stubs: what it reports, what it accepts, and where the stubs are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from mypy import errorcodes as mypy_codes

from tests.helpers import board_types
from tests.helpers.running import write_cluster
from torpor_tools.contracts import check_types, load_plan, mypy_check, read_plan, stubs
from torpor_tools.contracts.remedies import remedy
from torpor_tools.contracts.stubs import stubs_dir
from torpor_tools.errors import Problem, UserError
from torpor_tools.link import build_boards
from torpor_tools.project import load_board

IDIOMS = Path(__file__).parents[1] / "cases" / "types"
B = """\
from collections.abc import AsyncIterator

from torpor import Service, get


class B(Service):
    @get("/lines")
    async def lines(self) -> AsyncIterator[str]:
        yield "x"

    async def newest(self, fridge: str, limit: int = 1) -> list[int]:
        return [limit]
"""
A = """\
{head}
from torpor import Service, clock
from services.b import B

from . import rules


class A(Service):
    b: B

    async def read(self) -> list[int]:
        {line}
        return []
"""


def check(root: Path, line: str = "pass", head: str = "", rules: str = "") -> list[Problem]:
    write_cluster(root, {"a": A.format(line=line, head=head), "b": B})
    (root / "services" / "a" / "rules.py").write_text(rules)
    (root / "services" / "a" / "tests").mkdir()
    (root / "services" / "a" / "tests" / "test_a.py").write_text("import dataclasses, pytest\n")
    return check_types(load_plan(root))


MISTAKES = [
    ('await self.b.newest("x", limit="3")', 'incompatible type "str"', "b.newest(fridge: str, li"),
    ("await self.b.newest()", 'Missing positional argument "fridge"', "(services/b/__init__.py:11"),
    ('await self.b.newst("x")', 'has no attribute "newst"; maybe "newest"?', "lines and newest"),
    ('x: str = await self.b.newest("x")', "Incompatible types in assignment", "the two sides"),
    ('len(await self.b.newest("x")) + "y"', "Unsupported operand types", "convert one side"),
    ('self.b.newest("x")', "must be used", "write await"),
    ('self.b.newest("x")[0]', "is not indexable", "write await"),
    ('return "x"', "Incompatible return value type", "change the annotation"),
    ("return clock.now", "Incompatible return value type", "change the annotation"),
    ("self.log.inform('x')", 'has no attribute "inform"', "correct the name"),
    ("self.spwan(self.read)", 'has no attribute "spwan"', "the peers of a: b: B"),
    ("import machine; machine.Pn(3)", 'Module "machine" has no attribute "Pn"', "of RPI_PICO_W do"),
    ("clock.set(3)", 'Module "torpor.clock" has no attribute "set"', "torpor.clock has now"),
    ("rules.g()", 'Module "services.a.rules" has no attribute "g"', "define it in services.a"),
    ("x: int = self.b.newest", "Incompatible types in assignment", "call the method and await it"),
    ("await self.b.newest", 'Incompatible types in "await"', "call the method and await it"),
    ("self.b.newest.x = 5", 'has no attribute "x"', "call the method and await it"),
]


def test_mistakes_are_found_with_their_positions(tmp_path: Path) -> None:
    methods = [
        f"async def m{n}(self) -> list[int]:\n        {m[0]}" for n, m in enumerate(MISTAKES)
    ]
    lines = "\n        return []\n\n    ".join(["pass", *methods])
    found = check(tmp_path, lines)
    first = 16  # the line of the first mistake; the next ones follow four lines apart
    assert [str(p.where).rpartition(":")[0] for p in found] == [
        f"services/a/__init__.py:{first + 4 * n}" for n in range(len(MISTAKES))
    ]
    for problem, (_, what, todo) in zip(found, MISTAKES, strict=True):
        assert what in problem.what
        assert todo in problem.remedy


def test_a_name_that_is_not_imported_has_its_import_line(tmp_path: Path) -> None:
    peer = "from torpor import Service\n\n\nclass Bell(Service):\n    pass\n"
    source = "from services.bell import Bel\nfrom torpor import Service\n\n\nclass A(Service):\n"
    source += "    bell: Bell\n\n    @get('/x')\n    async def x(self) -> None:\n        pass\n"
    write_cluster(tmp_path, {"bell": peer, "a": source})
    found = {p.what: p.remedy for p in check_types(read_plan(tmp_path)[0])}
    assert found['Name "Bell" is not defined'] == "from services.bell import Bell"
    assert found['Name "get" is not defined'] == "from torpor import get"


def test_modules_that_the_board_lacks(tmp_path: Path) -> None:
    found = check(tmp_path, head="import dataclasses, subprocess, esp32, httpx, pytest")
    assert len(found) == 5
    for problem in found:
        assert str(problem.where) == "services/a/__init__.py:1:1"
        assert problem.remedy == "MicroPython on RPI_PICO_W has no such module"


def test_all_modules_of_a_service_are_checked(tmp_path: Path) -> None:
    rules = 'def f(x: int) -> str:\n    return x\n\n\ndef g(y):\n    f("a")\n'
    found = check(tmp_path, "rules.f(None)", rules=rules)
    assert sorted(str(p.where) for p in found) == [
        "services/a/__init__.py:12:17",
        "services/a/rules.py:2:12",
        "services/a/rules.py:6:7",
    ]


def test_a_corrected_mistake_is_not_reported_again(tmp_path: Path) -> None:
    assert check(tmp_path, "rules.f()")
    (tmp_path / "services" / "a" / "rules.py").write_text("def f() -> None:\n    pass\n")
    assert check_types(load_plan(tmp_path)) == []


@pytest.mark.parametrize("board", board_types.ALL)
def test_ordinary_code_has_no_mistakes(tmp_path: Path, board: str) -> None:
    services = {"a": (IDIOMS / "idioms.py").read_text(encoding="utf-8")}
    if board in board_types.CHIPS:
        text = (IDIOMS / "idioms_chip.py").read_text(encoding="utf-8")
        # Pin 4 measures voltages on every ESP32, and 26 on a Pico.
        analogue = "Pin(26)" if board.startswith("RPI") else "Pin(4)"
        services["b"] = text.replace("ADC(Pin(26))", f"ADC({analogue})")
        if board.startswith("RPI"):  # these have a default for the id
            services["b"] += "\n\nTimer(mode=Timer.ONE_SHOT, period=5, callback=print)\n"
            services["b"] += "I2C(freq=100_000), SPI(baudrate=1000), UART(), Timer()\n"
    write_cluster(tmp_path, services, board)
    assert [str(p) for p in check_types(load_plan(tmp_path))] == []


def test_a_microdot_app_is_accepted_unchanged(tmp_path: Path) -> None:
    source = """\
from microdot import Microdot
from microdot.sse import with_sse
from torpor import Service

app = Microdot()


@app.post("/<int:id>")
async def add(request, id: int):
    return {"name": request.json["name"]}, 201


@app.get("/events")
@with_sse
async def events(request, sse):
    await sse.send({"a": 1})


class A(Service):
    app = app
"""
    assert check_types(load_plan(write_cluster(tmp_path, {"a": source}))) == []


def test_mypy_runs_once_for_each_type_of_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = "from torpor import Service\n\n\nclass {0}(Service):\n    pass\n"
    names = ["a", "b", "c", "d"]
    write_cluster(tmp_path, {name: source.format(name.upper()) for name in names})
    kinds = ["RPI_PICO_W", "RPI_PICO_W", "ESP32_GENERIC", "RPI_PICO_W"]
    boards = "".join(
        f'[boards.box{name}]\ntype = "{kind}"\nservices = ["{name}"]\n\n'
        for name, kind in zip(names, kinds, strict=True)
    )
    ports = "".join(f"[services.{name}]\nport = {8001 + n}\n\n" for n, name in enumerate(names))
    (tmp_path / "cluster.toml").write_text(f'[cluster]\nname = "test"\n\n{boards}{ports}')
    runs: list[list[str]] = []

    def run_mypy(config: Path, folder: Path, files: list[Path]) -> list[dict[str, Any]]:
        runs.append([file.parts[1] for file in files])
        return []

    monkeypatch.setattr(mypy_check, "run_mypy", run_mypy)
    plan = load_plan(tmp_path)
    images = list(build_boards(plan, [board.name for board in plan.boards], tmp_path / "build"))
    assert len(images) == 4
    assert sorted(runs) == [["a", "b", "d"], ["c"]]


def test_stubs_that_cannot_be_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORPOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    with pytest.raises(UserError) as caught:
        stubs_dir(load_board("RPI_PICO_W"))
    assert "the type stubs micropython-rp2-rpi-pico-w-stubs==1.29.0.post1 cannot be d" in str(
        caught
    )
    assert "connect to the internet once" in caught.value.problems[0].remedy
    assert list((tmp_path / "cache" / "stubs").iterdir()) == [], "nothing half-made is left"


def test_a_python_without_pip() -> None:
    error = stubs._unavailable("x==1", "/usr/bin/python: No module named pip\n")
    assert "-m ensurepip" in error.problems[0].remedy


def test_stubs_are_fetched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORPOR_CACHE", str(tmp_path))
    fetched = []

    def fetch(requirements: list[str], folder: Path) -> None:
        fetched.append(requirements)
        for name in ("stdlib/asyncio/__init__", "_mpy_shed/time_mp", "machine", "__builtins__"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / f"{name}.pyi").write_text("a = 1\nclass _TicksMs:\n    b = 2\n")

    monkeypatch.setattr(stubs, "_fetch", fetch)
    board = load_board("RPI_PICO_W")
    folder = stubs_dir(board)
    assert stubs_dir(board) == folder
    assert len(fetched) == 1
    assert fetched[0][0] == board.stubs
    assert {p.name for p in (folder / "stdlib").iterdir()} == {
        "asyncio",
        "_mpy_shed",
        "machine.pyi",
    }
    ticks = (folder / "stdlib" / "_mpy_shed" / "time_mp.pyi").read_text()
    assert "a = 1" in ticks
    assert "class" not in ticks


def test_every_message_has_a_remedy_in_words() -> None:
    board = load_board("RPI_PICO_W")
    codes = [code.code for code in mypy_codes.error_codes.values()]
    assert len(codes) > 50
    for code in [*codes, "of-tomorrow"]:
        text = remedy(code, "x", [], board)
        assert text, code
        assert "mypy calls" not in text
    assert remedy("", "x", [], board) == ""
    replaced = 'Incompatible types in assignment (expression has type "int", variable has type '
    replaced += '"Callable[[], Coroutine[Any, Any, int]]")'
    assert "a method cannot be replaced" in remedy("assignment", replaced, [], board)
    assert "a method cannot be replaced" in remedy("method-assign", "x", [], board)
    assert "leave out await" in remedy("misc", 'Incompatible types in "await" (a)', [], board)


def test_the_environment_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alien = tmp_path / "alien"
    alien.mkdir()
    (alien / "helper.py").write_text("X = 3\n")
    (alien / "time.pyi").write_text("nothing: int\n")
    (alien / "mypy.ini").write_text("[mypy]\nignore_errors = True\n")
    monkeypatch.setenv("MYPYPATH", str(alien))
    monkeypatch.setenv("MYPY_CONFIG_FILE_DIR", str(alien))
    monkeypatch.setenv("MYPY_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("MYPY_FORCE_COLOR", "1")
    found = check(tmp_path / "project", "time.ticks_ms()", "import helper, time")
    [problem] = found
    assert 'named "helper"' in problem.what
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", ["time.py", "torpor.py", "machine/__init__.py", "typing.py"])
def test_stray_files_in_the_root_are_not_seen(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("nothing = 1\n")
    head = "import time\nfrom machine import Pin\nfrom typing import Any"
    found = check(tmp_path, "x: Any = (time.ticks_ms(), Pin(3))", head)
    assert [str(problem) for problem in found] == []


def test_a_module_next_to_services_cannot_be_imported(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("X = 3\n")
    [problem] = check(tmp_path, head="import helper")
    assert problem.remedy == "MicroPython on RPI_PICO_W has no such module"
