"""Libraries from PyPI and mip: added, recorded, linked, refused, removed."""

from __future__ import annotations

import json
import os
import re
import socketserver
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError
from torpor_tools.libraries import mip
from torpor_tools.libraries.add import add, remove, restore, wanted
from torpor_tools.libraries.known import package_for
from torpor_tools.libraries.package import sha256
from torpor_tools.link import build, check, image_files
from torpor_tools.link.imports import imports
from torpor_tools.link.resolve import resolved
from torpor_tools.project import load_cluster

SERVICE = """\
from torpor import Service
{imports}


class {name}(Service):
    async def read(self) -> int:
        return {value}
"""
BME = """\
# SPDX-License-Identifier: MIT
import time
from typing import Optional

ADDRESS = 0x76


class BME280:
    def __init__(self, i2c=None, address: Optional[int] = ADDRESS):
        self.address = address

    def read_compensated_data(self):
        return 21

    def nobody_calls_this(self):
        return "nobody calls this"

    def readblocks(self, number, buffer):
        return "the firmware may call this"
"""


def project(root: Path, imports: str = "import bme280", value: str = "bme280.ADDRESS") -> Path:
    return write_cluster(
        root,
        {
            "a": SERVICE.format(imports=imports, name="A", value=value),
            "b": SERVICE.format(imports=imports, name="B", value=value),
        },
    )


def wheel(
    folder: Path,
    name: str,
    files: dict[str, str],
    version: str = "1.0.0",
    tag: str = "py3-none-any",
) -> Path:
    path = folder / f"{name.replace('-', '_')}-{version}-{tag}.whl"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense: MIT\n"
    with zipfile.ZipFile(path, "w") as archive:
        for each, text in files.items():
            archive.writestr(each, text)
        archive.writestr(f"{name.replace('-', '_')}-{version}.dist-info/METADATA", about)
    return path


def add_wheel(root: Path, name: str, files: dict[str, str], **options: str) -> None:
    add(root, wanted(name), file=wheel(root, name, files, **options))


def messages(root: Path, *, types: bool = False) -> list[str]:
    return [str(problem) for problem in check(root, types=types)[1]]


class Index:
    """Write a local copy of the index of mip: ``package/py/<name>/<version>.json``."""

    def __init__(self, folder: Path, address: str) -> None:
        self.folder = folder
        self.address = address

    def put(self, name: str, version: str, files: dict[str, str], *deps: str) -> None:
        hashes = []
        for path, text in files.items():
            short = sha256(text.encode())[:8]
            self.write(f"file/{short[:2]}/{short}", text)
            hashes.append([path, short])
        about = {
            "v": 1,
            "version": version,
            "hashes": hashes,
            "deps": [[d, "latest"] for d in deps],
        }
        for each in (version, "latest"):
            self.write(f"package/py/{name}/{each}.json", json.dumps(about))

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    folder = tmp_path / "index"
    folder.mkdir()

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *args: object) -> None:
            super().__init__(*args, directory=str(folder))  # type: ignore[arg-type]

        def log_message(self, *args: object) -> None:
            pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield Index(folder, f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    return project(folder)


def torpor(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("torpor")), "-C", str(root), *arguments]
    env = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, env=env)


# -- PyPI


def test_a_package_of_pypi_is_recorded_linked_once_and_listed(root: Path) -> None:
    add_wheel(root, "micropython-bme280", {"bme280.py": BME}, version="2.1.3")
    text = (root / "cluster.toml").read_text()
    assert '[libraries]\nmicropython-bme280 = "2.1.3"\n' in text
    lock = (root / "libraries.lock").read_text()
    assert sha256(BME.encode()) in lock
    assert "http" not in lock
    assert messages(root, types=True) == []
    plan = load_plan(root)
    sizes = build(plan, "box", root / "build", types=False).sizes
    assert [row.name for row in sizes.of("library")] == ["micropython-bme280"]
    assert sizes.row("micropython-bme280").compiled == len(image_files(plan, "box")["bme280.mpy"])
    listed = torpor(root, "libraries")
    (row,) = (line for line in listed.stdout.splitlines() if line.startswith("micropython-bme280"))
    assert re.split(r"\s{2,}", row)[1:6] == ["2.1.3", "pypi", "MIT", "box", "a, b"]
    assert all(int(n.replace(",", "")) > 0 for n in row.split()[-2:])


def test_types_and_typing_are_stripped_from_it(root: Path) -> None:
    add_wheel(root, "bme", {"bme280.py": BME})
    plan = load_plan(root)
    program = resolved(plan, plan.boards[0], {"cluster": ""})
    assert program.problems == []
    module = program.modules["bme280"]
    assert [item.name for item in imports(module)] == ["time"]


def test_only_unreachable_code_is_removed_and_the_package_can_be_kept_whole(root: Path) -> None:
    add_wheel(root, "bme", {"bme280.py": BME})
    value = "bme280.BME280().read_compensated_data()"
    use = SERVICE.format(imports="import bme280", name="A", value=value)
    (root / "services/a/__init__.py").write_text(use)
    compiled = image_files(load_plan(root), "box")["bme280.mpy"]
    assert b"read_compensated_data" in compiled
    assert b"the firmware may call this" in compiled
    assert b"nobody calls this" not in compiled
    toml = root / "cluster.toml"
    toml.write_text(toml.read_text().replace('"1.0.0"', '{version = "1.0.0", whole = true}'))
    assert b"nobody calls this" in image_files(load_plan(root), "box")["bme280.mpy"]
    toml.write_text(toml.read_text().replace(", whole = true", ""))
    (root / "services/b/__init__.py").write_text(
        SERVICE.format(imports="import bme280", name="B", value='getattr(bme280, "ADD" + "RESS")')
    )
    assert b"nobody calls this" in image_files(load_plan(root), "box")["bme280.mpy"]


def test_c_code_is_refused(root: Path) -> None:
    for file in ("fast/_speed.cpython-311-x86_64-linux-gnu.so", "fast/speed.pyx"):
        with pytest.raises(UserError, match=r"fast has C code \(fast/.*speed.*\), which Micro"):
            add_wheel(root, "fast", {"fast/__init__.py": "", file: ""})
    assert not (root / "vendor").exists()
    assert "libraries" not in (root / "cluster.toml").read_text()


def test_code_that_cannot_run_on_micropython_is_named(root: Path) -> None:
    bad = "import time\nimport subprocess\n\nADDRESS = 1\n"
    add_wheel(root, "bme", {"bme280.py": bad})
    (found,) = {message.partition(": ")[2] for message in messages(root)}
    assert "bme cannot run on MicroPython: vendor/bme/bme280.py:2 imports subprocess" in found
    assert "torpor remove bme" in found
    assert messages(root)[0].startswith("services/a/__init__.py:2: ")
    remove(root, "bme")
    add_wheel(root, "bme", {"bme280.py": "import datetime\nADDRESS = 1\n"}, version="2")
    assert "add it: torpor add datetime" in messages(root)[0]
    remove(root, "bme")
    add_wheel(
        root,
        "bme",
        {"bme280.py": "try:\n    import subprocess\nexcept ImportError:\n    pass\nADDRESS = 1\n"},
    )
    assert messages(root) == []


def test_syntax_that_micropython_lacks_is_named(root: Path) -> None:
    for number, (text, what) in enumerate(
        (
            ("ADDRESS = 1\nmatch ADDRESS:\n    case 1:\n        pass\n", "no match statement"),
            ('print "hello"\nADDRESS = 1\n', "syntax error"),
        ),
        1,
    ):
        add_wheel(root, "bme", {"bme280.py": text}, version=str(number))
        (found,) = messages(root)
        assert re.match(r"vendor/bme/bme280.py:[12](:\d+)?: bme cannot run on MicroPython: ", found)
        assert what in found
        assert "torpor remove bme" in found


def test_native_code_becomes_bytecode_and_viper_stays_source(root: Path) -> None:
    text = "import micropython\n\n\n@micropython.{}  # fast\n"
    text += "def f(x):\n    {}\n\n\nADDRESS = f(1)\n"
    add_wheel(root, "bme", {"bme280.py": text.format("native", "return x")})
    assert messages(root) == []
    assert "bme280.mpy" in image_files(load_plan(root), "box")
    add_wheel(root, "bme", {"bme280.py": text.format("viper", "return x")}, version="2")
    assert messages(root) == []
    plan = load_plan(root)
    files = image_files(plan, "box")
    assert b"@micropython.viper" in files["bme280.py"]
    assert "bme280.mpy" not in files
    sizes = build(plan, "box", root / "build", types=False).sizes
    assert sizes.row("bme").compiled == len(files["bme280.py"])
    add_wheel(root, "bme", {"bme280.py": text.format("asm_thumb", "mov(r0, 1)")}, version="3")
    (found,) = messages(root)
    assert found.startswith("vendor/bme/bme280.py:4: bme cannot run on MicroPython: native code")


def test_a_library_that_was_never_added(root: Path) -> None:
    toml = root / "cluster.toml"
    toml.write_text(toml.read_text() + '\n[libraries]\nmicropython-bme280 = "2.1.3"\n')
    line = len(toml.read_text().splitlines())
    what = f"cluster.toml:{line}: micropython-bme280 is named here and was never added"
    assert any(message.startswith(what) for message in messages(root))
    toml.write_text(toml.read_text().replace('"2.1.3"', "3"))
    with pytest.raises(UserError, match="expected a version in quotes, got 3"):
        load_cluster(root)


def test_a_changed_and_a_missing_file_are_reported(root: Path) -> None:
    add_wheel(root, "bme", {"bme280.py": BME})
    file = root / "vendor" / "bme" / "bme280.py"
    file.write_text(BME + "\n# changed\n")
    (found,) = messages(root)
    assert found.startswith("vendor/bme/bme280.py: the file is not what was added")
    assert "move it into lib/" in found
    file.unlink()
    (found,) = messages(root)
    assert found.startswith("vendor/bme/bme280.py: the file is missing")


def test_two_libraries_with_the_same_module(root: Path) -> None:
    add_wheel(root, "one", {"bme280.py": BME})
    add_wheel(root, "two", {"bme280.py": BME})
    (root / "lib").mkdir()
    (found,) = messages(root)
    assert "two has a module bme280, and so has one" in found
    (root / "lib" / "bme280.py").write_text("ADDRESS = 2\n")
    assert any(
        "one has a module bme280, and so has lib/bme280.py" in each for each in messages(root)
    )


def test_packages_installed_next_to_torpor_need_no_network(root: Path) -> None:
    (package,) = add(root, wanted("microdot"))
    assert package.source == "pypi"
    assert "microdot/microdot.py" in package.files
    remove(root, "microdot")
    assert not (root / "vendor").exists()
    assert not (root / "libraries.lock").exists()
    assert "libraries" not in (root / "cluster.toml").read_text()


def test_without_a_network_the_message_names_the_other_way(root: Path) -> None:
    closed = "http://127.0.0.1:9"
    run = torpor(
        root,
        "add",
        "nosuch-bme280==2.1.3",
        PIP_INDEX_URL=closed,
        PIP_RETRIES="0",
        PIP_NO_INDEX="0",
        PIP_FIND_LINKS="",
        PIP_EXTRA_INDEX_URL="",
        PIP_CONFIG_FILE="/dev/null",
    )
    assert run.returncode == 1
    assert "nosuch-bme280==2.1.3 cannot be fetched from PyPI" in run.stderr
    assert "torpor add nosuch-bme280 --from FILE" in run.stderr
    run = torpor(root, "add", "logging", "--index", closed)
    assert run.returncode == 1
    assert "logging cannot be fetched" in run.stderr
    assert "torpor add logging --from FILE" in run.stderr


# -- mip


def test_a_package_of_mip_brings_its_dependencies(root: Path, index: Index) -> None:
    index.put(
        "logging",
        "0.6.2",
        {"logging.py": "import functools\n\n\ndef info(text):\n    pass\n"},
        "functools",
    )
    index.put("functools", "0.0.7", {"functools.py": "def reduce(f, x):\n    pass\n"})
    run = torpor(root, "add", "logging", "--index", index.address + "/")
    assert run.returncode == 0, run.stderr
    assert "added logging 0.6.2 (mip): import logging" in run.stdout
    assert "added functools 0.0.7 (mip)" in run.stdout
    entries = {entry.name: (entry.version, entry.source) for entry in load_cluster(root).libraries}
    assert entries == {"logging": ("0.6.2", "mip"), "functools": ("0.0.7", "mip")}
    service = SERVICE.format(imports="import logging", name="A", value="logging.info('x') or 1")
    for name in "ab":
        (root / f"services/{name}/__init__.py").write_text(
            service.replace("class A", f"class {name.upper()}")
        )
    assert messages(root, types=True) == []
    assert {"logging.mpy", "functools.mpy"} <= set(image_files(load_plan(root), "box"))


def test_a_build_needs_no_network_and_add_restores_what_is_missing(
    root: Path, index: Index
) -> None:
    index.put("bme280", "1.0.0", {"bme280.py": BME})
    add(root, wanted("mip:bme280"), index=index.address)
    (root / "vendor" / "bme280" / "bme280.py").unlink()
    assert "torpor add" in messages(root)[0]
    (package,) = restore(root, index.address)
    assert package.version == "1.0.0"
    assert messages(root) == []
    assert restore(root, index.address) == []


def test_a_package_of_mip_whose_hash_has_changed_is_refused(root: Path, index: Index) -> None:
    index.put("bme280", "1.0.0", {"bme280.py": BME})
    add(root, wanted("mip:bme280"), index=index.address)
    index.put("bme280", "1.0.0", {"bme280.py": BME + "import os\n"})
    (root / "vendor" / "bme280" / "bme280.py").unlink()
    with pytest.raises(UserError) as refused:
        restore(root, index.address)
    with pytest.raises(UserError) as once_more:
        add(root, wanted("mip:bme280@1.0.0"), index=index.address)
    assert once_more.value.problems == refused.value.problems
    (problem,) = refused.value.problems
    assert str(problem.where) == "libraries.lock"
    what = "bme280 1.0.0 is not what was added: the SHA-256 of bme280.py differs"
    assert problem.what == what
    assert "torpor remove bme280" in problem.remedy
    assert not (root / "vendor" / "bme280" / "bme280.py").exists()


def test_a_file_that_differs_from_the_index(root: Path, index: Index) -> None:
    index.put("bme280", "1.0.0", {"bme280.py": BME})
    short = sha256(BME.encode())[:8]
    index.write(f"file/{short[:2]}/{short}", BME + "import os\n")
    with pytest.raises(UserError, match=r"bme280\.py in the index is not the listed one"):
        add(root, wanted("mip:bme280"), index=index.address)


def test_an_address_with_a_package_json(root: Path, index: Index) -> None:
    about = {
        "version": "3.1",
        "urls": [["air/__init__.py", "src/air.py"], ["air/x.py", "x.py"]],
        "deps": [],
    }
    index.write("air/package.json", json.dumps(about))
    index.write("air/src/air.py", "from .x import N\n")
    index.write("air/x.py", "N = 1\n")
    address = f"{index.address}/air"
    (package,) = add(root, wanted(address), index=index.address)
    assert (package.name, package.version, sorted(package.files)) == (
        "air",
        "3.1",
        ["air/__init__.py", "air/x.py"],
    )
    index.write("one.py", "N = 1\n")
    (package,) = add(root, wanted(f"{index.address}/one.py"), index=index.address)
    assert (package.name, list(package.files)) == ("one", ["one.py"])
    index.write("odd/package.json", json.dumps({"urls": [["../../x.py", "x.py"]]}))
    index.write("odd/x.py", "N = 1\n")
    with pytest.raises(UserError, match="odd has no Python module"):
        add(root, wanted(f"{index.address}/odd"), index=index.address)
    with pytest.raises(UserError, match="answers 404"):
        add(root, wanted(f"{index.address}/none"), index=index.address)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("github:o/n/a/b.py", "https://raw.githubusercontent.com/o/n/HEAD/a/b.py"),
        ("github:o/n/package.json@v1", "https://raw.githubusercontent.com/o/n/v1/package.json"),
        ("gitlab:o/n/x.py", "https://gitlab.com/o/n/-/raw/HEAD/x.py"),
        ("http://host/x.py", "http://host/x.py"),
    ],
)
def test_addresses(address: str, url: str) -> None:
    assert mip.resolve(address) == url


def test_the_meaning_of_a_name() -> None:
    assert (wanted("logging").source, wanted("micropython-bme280").source) == ("mip", "pypi")
    assert (wanted("pypi:logging").source, wanted("mip:x@1").version) == ("pypi", "1")
    assert wanted("github:owner/micropython-air/src@v2").name == "src"
    assert wanted("github:owner/air@v2") == wanted("github:owner/air@v2")
    assert wanted("github:owner/air@v2").version == "v2"
    assert package_for("jwt") == "pyjwt"
    assert package_for("datetime.x") == "datetime"
    assert package_for("enum") == ""
    with pytest.raises(UserError, match="is not the name of a library"):
        wanted("two words")


def test_an_extension_of_microdot_works_once_its_package_is_named(tmp_path: Path) -> None:
    root = project(tmp_path, "from microdot.session import Session", "1 if Session else 0")
    assert "microdot.session needs jwt" in messages(root)[0]
    assert "torpor add pyjwt" in messages(root)[0]
    add_wheel(root, "pyjwt", {"jwt.py": "def encode(payload, key):\n    return ''\n"})
    assert messages(root) == []
    assert "jwt.mpy" in image_files(load_plan(root), "box")


def test_remove_lists_the_installed_libraries(root: Path) -> None:
    add_wheel(root, "bme", {"bme280.py": BME})
    run = torpor(root, "remove", "bmw")
    assert 'did you mean "bme"?' in run.stderr
    assert torpor(root, "remove", "bme").returncode == 0
    assert "no libraries; add one" not in torpor(root, "libraries").stdout
    assert "MicroPython has no module bme280" in messages(root)[0]


DRIVERS = [
    line.split("==")
    for line in (Path(__file__).parents[1] / "drivers.lock").read_text().splitlines()
    if "==" in line
]


def test_drivers_of_pypi_are_added_and_linked_unchanged(tmp_path: Path) -> None:
    root = project(tmp_path, "", "1")
    names: list[str] = []
    for name, version in DRIVERS:
        (package,) = add(root, wanted(f"pypi:{name}=={version}"))
        assert (package.version, package.source) == (version, "pypi")
        names += package.locked().modules
    text = "\n".join(f"import {name}" for name in names)
    service = SERVICE.format(imports=text, name="A", value="1")
    (root / "services/a/__init__.py").write_text(service)
    assert messages(root, types=True) == []
    sizes = build(load_plan(root), "box", root / "build", types=False).sizes
    assert {row.name for row in sizes.of("library")} == {name for name, _ in DRIVERS}
