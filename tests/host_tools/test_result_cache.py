"""Work is repeated for inputs that changed, and for no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from torpor_tools.link import check
from torpor_tools.result_cache import digest_of, modules_below, remembered

SERVICE = """\
from torpor import Service, get


class A(Service):
    @get("/")
    async def index(self) -> int:
        return {value}
"""


def test_a_result_is_remembered_until_its_digest_changes(tmp_path: Path) -> None:
    runs: list[str] = []

    def work(result: str) -> str:
        runs.append(result)
        return result

    kept = tmp_path / "deep" / "result.json"
    assert remembered(kept, "one", lambda: work("a")) == "a"
    assert remembered(kept, "one", lambda: work("b")) == "a"
    assert remembered(kept, "two", lambda: work("c")) == "c"
    kept.write_text('{"digest": "two"')
    assert remembered(kept, "two", lambda: work("d")) == "d"
    assert runs == ["a", "c", "d"]
    assert [path.name for path in kept.parent.iterdir()] == ["result.json"]


def test_the_digest_depends_on_everything(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("x = 1\n")
    digests = {digest_of([], [file]), digest_of(["-v"], [file]), digest_of([], [])}
    file.write_text("x = 2\n")
    digests |= {digest_of([], [file]), digest_of([], [], [file])}
    file.write_text("x = 22\n")
    digests.add(digest_of([], [], [file]))
    assert len(digests) == 6
    (tmp_path / "b.pyi").touch()
    assert [path.name for path in modules_below(tmp_path)] == ["a.py", "b.pyi"]


CLUSTER = """[cluster]
name = "x"

[boards.one]
type = "RPI_PICO_W"
services = ["a"]

[services.a]
port = 8001
"""


def project(root: Path) -> None:
    (root / "cluster.toml").write_text(CLUSTER)
    (root / "services/a").mkdir(parents=True)
    (root / "services/a/__init__.py").write_text(SERVICE.format(value=1))


def changed_service(root: Path) -> None:
    (root / "services/a/__init__.py").write_text(SERVICE.format(value='"text"'))


def unlinkable_service(root: Path) -> None:
    (root / "services/a/more.py").write_text("import nowhere\n")


def changed_library(root: Path) -> None:
    (root / "lib").mkdir()
    (root / "lib/nowhere.py").write_text("import services\n")


def damaged_secrets(root: Path) -> None:
    (root / "secrets.toml").write_text('[cluster]\nkeys = ["short"]\n')


@pytest.mark.parametrize(
    "change",
    [changed_service, unlinkable_service, changed_library, damaged_secrets],
)
def test_a_second_check_sees_every_change(tmp_path: Path, change: object) -> None:
    project(tmp_path)
    assert check(tmp_path)[1] == []
    assert check(tmp_path)[1] == []
    change(tmp_path)  # type: ignore[operator]
    found = check(tmp_path)[1]
    assert found
    assert check(tmp_path)[1] == found


def test_a_second_check_sees_a_changed_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path)
    assert check(tmp_path)[1] == []
    monkeypatch.setenv("TORPOR_CLUSTER_KEYS", "short")
    assert check(tmp_path)[1]
