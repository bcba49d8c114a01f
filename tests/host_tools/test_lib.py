"""The project's own ``lib/``: linked once, checked, and run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from torpor_tools.contracts import load_plan
from torpor_tools.link import build, check, image_files
from torpor_tools.topology.needs import uses_hardware

UNITS = """\
import math

LIMIT = 8
Rows = list[int]


def fahrenheit(celsius: float) -> float:
    return celsius * 9 / 5 + 32


def unused(text: str) -> str:
    return "this text stays in the image: " + text
"""
DRIVER = """\
from micropython import const

_REG = const(0x10)


class Meter:
    def __init__(self, bus, address=0x76):
        self._bus = bus
        self.address = address
        self.total = 0 + "untyped code is not checked" if False else 0

    def read(self):
        self.total += 1
        return self.total
"""
A = """\
import meter
from torpor import Service
from units import LIMIT, Rows, fahrenheit


class A(Service):
    async def start(self) -> None:
        self.meter = meter.Meter(None)

    async def newest(self, n: int = 1) -> Rows:
        return [self.meter.read() + LIMIT]

    async def warm(self, celsius: float) -> float:
        return fahrenheit(celsius)
"""
B = A.replace("class A", "class B")


@pytest.fixture
def cluster(tmp_path: Path) -> Path:
    root = write_cluster(tmp_path, {"a": A, "b": B})
    (root / "lib").mkdir()
    (root / "lib" / "units.py").write_text(UNITS)
    (root / "lib" / "meter.py").write_text(DRIVER)
    return root


def test_a_module_is_linked_once_and_the_size_table_has_it(cluster: Path) -> None:
    plan = load_plan(cluster)
    files = image_files(plan, "box")
    assert [name for name in files if "units" in name or "meter" in name] == [
        "meter.mpy",
        "units.mpy",
    ]
    sizes = build(plan, "box", cluster / "build", types=False).sizes
    assert [row.name for row in sizes.of("library")] == ["meter", "units"]
    assert sizes.row("units").compiled == len(files["units.mpy"])
    assert sizes.row("units").modules == ("units",)


def test_a_second_service_that_shares_a_library_adds_only_its_own_bytes(
    cluster: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    single = write_cluster(tmp_path_factory.mktemp("single"), {"a": A})
    shutil.copytree(cluster / "lib", single / "lib")
    one, two = (
        build(load_plan(root), "box", root / "build", types=False).sizes
        for root in (single, cluster)
    )
    own = two.row("b").compiled + sum(row.compiled for row in two.of("wiring"))
    own -= sum(row.compiled for row in one.of("wiring"))
    assert two.compiled - one.compiled == own


def test_an_image_that_uses_no_peripheral_and_no_library_has_nothing_of_them(
    tmp_path: Path,
) -> None:
    plain = "from torpor import Service\n\n\nclass A(Service):\n    pass\n"
    root = write_cluster(tmp_path, {"a": plain})
    before = image_files(load_plan(root), "box")
    (root / "lib").mkdir()
    (root / "lib" / "meter.py").write_text(DRIVER)
    with (root / "cluster.toml").open("a") as file:
        file.write('[boards.box.devices]\nair = { model = "bme280", bus = "i2c0" }\n')
    assert load_plan(root).boards[0].devices, "something is wired"
    assert image_files(load_plan(root), "box") == before
    assert not [n for n in before if "pins" in n or "meter" in n or "device" in n or "bme" in n]


def test_modules_that_no_service_imports_are_omitted(cluster: Path) -> None:
    (cluster / "lib" / "idle.py").write_text("X = 1\n")
    (cluster / "lib" / "tests").mkdir()
    (cluster / "lib" / "tests" / "test_units.py").write_text("X = 1\n")
    assert not {"idle.mpy", "tests/test_units.mpy"} & set(image_files(load_plan(cluster), "box"))


def test_a_package_is_linked_with_its_imports(cluster: Path) -> None:
    package = cluster / "lib" / "air"
    package.mkdir()
    (package / "__init__.py").write_text("from .model import Air\n")
    (package / "model.py").write_text("import units\n\n\nclass Air:\n    limit = units.LIMIT\n")
    text = A.replace("import meter\n", "import air\nimport meter\n").replace(
        "+ LIMIT", "+ air.Air.limit"
    )
    (cluster / "services" / "a" / "__init__.py").write_text(text)
    files = image_files(load_plan(cluster), "box")
    assert {"air/__init__.mpy", "air/model.mpy", "units.mpy"} <= set(files)


def test_types_are_checked_if_there_are_annotations(cluster: Path) -> None:
    assert check(cluster)[1] == []
    units = cluster / "lib" / "units.py"
    units.write_text(UNITS.replace("celsius * 9 / 5 + 32", '"warm"'))
    service = cluster / "services" / "a" / "__init__.py"
    service.write_text(A.replace("fahrenheit(celsius)", 'fahrenheit("21")'))
    found = {str(p.where).split(":")[0]: p for p in check(cluster)[1]}
    assert set(found) == {"lib/units.py", "services/a/__init__.py"}
    assert 'got "str"' in found["lib/units.py"].what


def test_a_stub_gives_an_untyped_driver_its_types(cluster: Path) -> None:
    service = cluster / "services" / "a" / "__init__.py"
    service.write_text(A.replace("meter.Meter(None)", "meter.Metre(None)"))
    assert check(cluster)[1] == [], "an untyped library is Any"
    stub = "class Meter:\n    def __init__(self, bus: object) -> None: ...\n"
    stub += "    def read(self) -> int: ...\n"
    (cluster / "lib" / "meter.pyi").write_text(stub)
    (problem,) = check(cluster)[1]
    assert str(problem.where).startswith("services/a/__init__.py:8")
    assert "Metre" in problem.what


def test_an_alias_is_erased_where_it_is_imported(cluster: Path) -> None:
    (cluster / "lib" / "again.py").write_text("from units import LIMIT, Rows as Lines\n")
    service = cluster / "services" / "a" / "__init__.py"
    service.write_text(
        A.replace(
            "from units import LIMIT, Rows, fah",
            "from again import Lines, LIMIT\nfrom units import fah",
        ).replace("-> Rows", "-> Lines")
    )
    assert check(cluster, types=False)[1] == []
    service.write_text(service.read_text().replace("return [", "x = Lines\n        return ["))
    assert any("Lines is a type alias" in p.what for p in check(cluster, types=False)[1])


def test_tests_of_lib_run_in_micropython(cluster: Path) -> None:
    units = cluster / "lib" / "air"
    (units / "tests").mkdir(parents=True)
    (units / "__init__.py").write_text("import sys\nNAME = sys.implementation.name\nseen = []\n")
    (units / "tests" / "test_air.py").write_text(
        "import air\nimport pytest\n\n\n"
        '@pytest.mark.parametrize("n", [1, 2])\n'
        "def test_name(n):\n    assert air.NAME == 'micropython'\n\n\n"
        "def test_state():\n    air.seen.append(1)\n    assert air.seen == [1]\n"
    )
    (units / "tests" / "test_again.py").write_text(
        "import air\n\n\ndef test_state(clock, board):\n"
        "    air.seen.append(1)\n    assert air.seen == [1]\n"
    )
    (cluster / "lib" / "tests").mkdir()
    (cluster / "lib" / "tests" / "test_units.py").write_text(
        "from units import fahrenheit\n\n\ndef test_wrong():\n    assert fahrenheit(10) == 51\n\n\n"
        "def test_start(start):\n    pass\n"
    )
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--color=no", "-p", "no:cacheprovider", "lib"],
        cwd=cluster,
        capture_output=True,
        text=True,
    )
    assert "2 failed, 4 passed" in run.stdout, run.stdout + run.stderr
    assert "50.0 == 51" in run.stdout
    assert "fixture 'start' not found" in run.stdout


def test_a_library_of_a_service_that_starts_on_request_is_unloaded_with_it(tmp_path: Path) -> None:
    root = write_cluster(tmp_path, {"a": A, "b": B.replace("import meter", "import meter, late")})
    for name, text in (("units", UNITS), ("meter", DRIVER), ("late", "X = 1\n")):
        (root / "lib").mkdir(exist_ok=True)
        (root / "lib" / f"{name}.py").write_text(text)
    toml = root / "cluster.toml"
    toml.write_text(toml.read_text() + 'start = "on-request"\n')
    route = '\n    @get("/b")\n    async def page(self) -> int:\n        return 1\n'
    service = root / "services" / "b" / "__init__.py"
    service.write_text(service.read_text().replace("import Service", "import Service, get") + route)
    image = build(load_plan(root), "box", root / "build", types=False)
    bound: dict[str, dict[str, str]] = {}
    text = (image.folder / "cluster.py").read_text()
    line = next(line for line in text.splitlines() if '"b": "wiring_b' in line)
    exec("found = {" + line.strip().removeprefix("ON_REQUEST = {").rstrip("}") + "}", {}, bound)
    assert bound["found"]["b"].split() == ["wiring_b", "late", "services.b"]


def test_a_service_whose_library_uses_pins_stays_on_its_board(cluster: Path) -> None:
    plan = load_plan(cluster)
    a, b = plan.boards[0].services
    assert not uses_hardware(plan, a)
    (cluster / "lib" / "units.py").write_text("import pins\n" + UNITS)
    (cluster / "lib" / "pins.py").write_text("from machine import Pin\n")
    assert uses_hardware(plan, a)
    assert uses_hardware(plan, b)
