"""A service as a Linux process: the output of ``torpor export``, run like by its unit."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from configparser import RawConfigParser
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.helpers.held import held_port
from tests.helpers.running import running
from torpor_tools.cli import run

MICROPYTHON = Path(sys.executable).with_name("micropython")
NOTES = """
import os
import sys

from services.clocks import Clocks
from torpor import Service, get, post, system


class Notes(Service):
    clocks: Clocks

    @post("/notes/<name>")
    async def keep(self, name: str, text: str) -> None:
        with open("/note~", "w") as file:
            file.write(text)
        os.rename("/note~", "/" + name)

    @get("/notes/<name>")
    async def kept(self, name: str) -> dict:
        with open("/" + name) as file:
            return {"text": file.read()}

    @get("/files")
    async def files(self) -> list[str]:
        return sorted(os.listdir("/services/notes"))

    @get("/where")
    async def where(self) -> dict:
        return {"here": sys.platform, "id": system.info()["id"], "clock": await self.clocks.read()}
"""
CLOCKS = """
from torpor import Service, get


class Clocks(Service):
    async def read(self) -> int:
        return 12

    @get("/clock")
    async def show(self) -> dict:
        return {"hour": 12}
"""


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Write notes and clocks for one Pico W; ``notes`` has a port of this computer."""
    monkeypatch.setenv("TORPOR_CLUSTER_KEYS", "5a" * 32)
    for name, source in (("notes", NOTES), ("clocks", CLOCKS)):
        (tmp_path / "services" / name).mkdir(parents=True)
        (tmp_path / "services" / name / "__init__.py").write_text(source)
    with held_port() as first, held_port() as second:
        (tmp_path / "cluster.toml").write_text(
            '[cluster]\nname = "test"\n\n[boards.box]\ntype = "RPI_PICO_W"\nhost = "127.0.0.1"\n'
            'services = ["notes", "clocks"]\n\n'
            f"[services.notes]\nport = {first}\n\n[services.clocks]\nport = {second}\n"
        )
        yield tmp_path


def export(root: Path, name: str = "notes") -> Path:
    folder = root / "dist" / name
    options = ["--prefix", str(folder), "--micropython", str(MICROPYTHON), "--no-types"]
    assert run(["-C", str(root), "export", name, *options]) == 0
    return folder


def unit_command(folder: Path, state: Path) -> list[str]:
    """Return the unit's command line, with the state folder that systemd would set."""
    unit = RawConfigParser(strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    unit.read(folder / "torpor-notes.service")
    assert set(unit.sections()) == {"Unit", "Service", "Install"}
    assert unit["Service"]["Restart"] == "always"
    line = unit["Service"]["ExecStart"].replace("${STATE_DIRECTORY}", str(state))
    return shlex.split(line)


@contextmanager
def process(command: list[str]) -> Iterator[subprocess.Popen[str]]:
    """Run a process: yield it when it is ready, and kill it at the end."""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd="/"
    ) as started:
        try:
            assert started.stdout
            seen = []
            for line in started.stdout:
                seen.append(line)
                if "ready" in line:
                    break
            else:
                raise AssertionError("".join(seen))
            yield started
        finally:
            started.kill()


@contextmanager
def client(root: Path) -> Iterator[httpx.Client]:
    text = (root / "cluster.toml").read_text()
    port = int(text.partition("[services.notes]\nport = ")[2].split("\n")[0])
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=15, trust_env=False) as made:
        yield made


def test_the_unit_runs_and_keeps_its_data(cluster: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (cluster / "services" / "notes" / "extra.py").write_text("x = 1\n")
    command = unit_command(export(cluster), state)
    with process(command), client(cluster) as notes:
        assert notes.post("/notes/todo", json={"text": "buy ice"}).status_code == 204
        assert notes.post("/notes/todo", json={"text": "buy salt"}).status_code == 204
        assert notes.get("/files").json() == ["__init__.mpy", "extra.mpy"]
    (cluster / "services" / "notes" / "extra.py").unlink()
    command = unit_command(export(cluster), state)
    with process(command), client(cluster) as notes:
        assert notes.get("/notes/todo").json() == {"text": "buy salt"}
        assert notes.get("/files").json() == ["__init__.mpy"], "the old image's file is gone"
        assert notes.get("/nowhere").status_code == 404


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is missing")
def test_systemd_accepts_the_unit(cluster: Path) -> None:
    unit = export(cluster) / "torpor-notes.service"
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_it_calls_its_peer_on_a_board(cluster: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    command = unit_command(export(cluster), state)
    text = (cluster / "cluster.toml").read_text()
    # The remaining board runs the other service.
    (cluster / "cluster.toml").write_text(text.replace('["notes", "clocks"]', '["clocks"]'))
    with (
        running(cluster, types=False, ports="fixed", bind="127.0.0.1"),
        process(command),
        client(cluster) as notes,
    ):
        first = notes.get("/where").json()
        assert (first["here"], first["clock"]) == ("linux", 12)
        assert notes.get("/where").json()["id"] == first["id"]
    assert first["id"] == (state / "id").read_text()


def test_the_container_starts_the_same_process(cluster: Path, tmp_path: Path) -> None:
    """The tests have no container engine, so they run its command line without one."""
    folder = export(cluster)
    lines = (folder / "Containerfile").read_text().splitlines()
    command = json.loads(next(line for line in lines if "ENTRYPOINT" in line).split(" ", 1)[1])
    state = tmp_path / "data"
    state.mkdir()
    places = {"/torpor": str(folder), "/data": str(state), "micropython": str(MICROPYTHON)}
    for there, here in places.items():
        command = [
            part.replace(there, here) if part.startswith(there) else part for part in command
        ]
    with process(command), client(cluster) as notes:
        assert notes.get("/files").json() == ["__init__.mpy"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["export", "note"], 'did you mean "notes"?'),
        (["export", "box"], "box is a RPI_PICO_W, not a Linux process"),
        (["export", "notes", "--prefix", "/srv/my notes"], "cannot be used in a systemd unit"),
        (["export", "notes", "--out", "services"], "was not written by torpor export"),
        (["build", "--only", "note"], 'did you mean "notes"?'),
        (["build", "--only", "notes", "--type", "UNX"], 'there is no board type "UNX"'),
    ],
)
def test_mistakes(
    cluster: Path, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["-C", str(cluster), *arguments]) == 1
    assert message in capsys.readouterr().err


def test_a_service_is_built_as_its_own_board(cluster: Path) -> None:
    assert run(["-C", str(cluster), "build", "--only", "clocks", "--no-types"]) == 0
    tree = cluster / "build" / "clocks" / "fs"
    assert [path.name for path in (tree / "services").iterdir()] == ["clocks"]
    assert (tree / "boot.py").is_file(), "it is for the type of its present board"
