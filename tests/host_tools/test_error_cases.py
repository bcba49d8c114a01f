"""Each file in ``tests/cases/errors`` is a mistake, and begins with the error that the user sees.

The file becomes ``services/a/__init__.py`` of a cluster with a correct service ``b``. What follows
a line ``# --- <path>`` goes to that file instead; ``# ON REQUEST: a`` has a service start so.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError
from torpor_tools.link import check

CASES = sorted((Path(__file__).parents[1] / "cases" / "errors").glob("*.py"))
B = """
from collections.abc import AsyncIterator

from torpor import Service, get

LIMIT = 3


class B(Service):
    @get("/lines")
    async def lines(self) -> AsyncIterator[str]:
        yield "x"

    async def newest(self, fridge: str, limit: int = 1) -> list[int]:
        return [limit]
"""


def problems(root: Path, *, types: bool = False) -> list[str]:
    try:
        found = check(root, types=types)[1]
    except UserError as error:
        found = list(error.problems)
    return [str(problem) for problem in found]


def write_case(root: Path, case: str) -> Path:
    """Write the cluster of a case file's text."""
    source, *sections = re.split(r"^# --- (.+)\n", case, flags=re.MULTILINE)
    on_request = re.findall(r"^# ON REQUEST: (.+)$", source, flags=re.MULTILINE)
    write_cluster(root, {"b": B, "a": source}, on_request=on_request)
    for path, text in zip(sections[::2], sections[1::2], strict=True):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_mistake(case: Path, tmp_path: Path) -> None:
    source = case.read_text()
    expected = re.findall(r"^# ERROR: (.+)$", source, flags=re.MULTILINE)
    assert expected, "a case begins with # ERROR: and the text"
    found = problems(write_case(tmp_path, source))
    for text in expected:
        assert any(text in problem for problem in found), found
    for text in re.findall(r"^#     (.+)$", source, flags=re.MULTILINE):
        assert any(text in problem.partition("\n")[2] for problem in found), found
    assert len(found) == len(expected), found
    for problem in found:
        place = r"(services|lib|cluster\.toml)" if "# ---" in source else "services/a/__init__.py"
        assert re.match(rf"{place}[^: ]*(:\d+)*: .+\n    .+", problem), (
            f"no place or remedy: {problem}"
        )


def test_mistakes_of_all_kinds_come_at_once(tmp_path: Path) -> None:
    source = (
        "from torpor import Service, get\nfrom services.b import B\n\n\n"
        "class A(Service):\n    b: B\n\n"
        '    @get("/a/<x>")\n    async def read(self) -> list[int]:\n'
        "        return await self.b.newest(1)\n\n"
        "    async def other(self) -> list[int]:\n        return [*[1]]\n"
    )
    found = problems(write_cluster(tmp_path, {"a": source, "b": B}), types=True)
    assert [problem[: problem.index(": ")] for problem in found] == [
        "services/a/__init__.py:8",
        "services/a/__init__.py:10:36",
        "services/a/__init__.py:13",
    ], found
    assert "no argument for <x>" in found[0]
    assert 'expected "str"' in found[1]
    assert "MicroPython has no * inside a list" in found[2]


def test_consequences_of_a_broken_rule_come_after_it(tmp_path: Path) -> None:
    caller = (
        "from torpor import Service\nfrom services.b import B\n\n\n"
        "class A(Service):\n    b: B\n\n    async def read(self) -> int:\n"
        "        return await self.b.newest()\n"
    )
    called = (
        "from torpor import Service\n\n\nclass B(Service):\n"
        "    def newest(self) -> int:\n        return 1\n"
    )
    found = problems(write_cluster(tmp_path, {"a": caller, "b": called}), types=True)
    assert "B.newest is public but not async" in found[0]
    assert 'Incompatible types in "await"' in found[1]


def test_a_correct_cluster_has_none(tmp_path: Path) -> None:
    source = (
        "from torpor import Service\nfrom services.b import B\n\n\n"
        "class A(Service):\n    b: B\n\n    async def read(self) -> list[int]:\n"
        '        return await self.b.newest("x", 2)\n'
    )
    root = write_cluster(tmp_path, {"a": source, "b": B})
    assert problems(root) == []
    plan = load_plan(root)
    assert [s.name for s in plan.boards[0].services] == ["b", "a"], "peers start first"


def test_a_ring_starts_in_the_order_of_the_cluster(tmp_path: Path) -> None:
    def source(me: str, peer: str) -> str:
        return (
            f"from torpor import Service\nfrom services.{peer} import {peer.upper()}\n\n\n"
            f"class {me.upper()}(Service):\n    {peer}: {peer.upper()}\n"
        )

    root = write_cluster(tmp_path, {"y": source("y", "x"), "x": source("x", "y")})
    plan = load_plan(root)
    assert [s.name for s in plan.boards[0].services] == ["y", "x"]
    assert "y and x need each other" in plan.notes[0]


CLUSTER_MISTAKES = {
    "bad TOML": ("[cluster\n", "cluster.toml:1:9: not TOML"),
    "unknown key": ('[cluster]\nnmae = "x"\n', 'did you mean "name"?'),
    "wrong type": ("[cluster]\nname = 3\n", "cluster.toml:2: name: expected text in quotes"),
    "unknown board": (
        '[cluster]\nname = "x"\n[boards.box]\ntype = "PICO_W"\nservices = ["b"]\n'
        "[services.b]\nport = 1\n",
        'there is no board type "PICO_W"',
    ),
    "no table": (
        '[cluster]\nname = "x"\n[boards.box]\ntype = "RPI_PICO_W"\nservices = ["b"]\n',
        "has no table [services.b]",
    ),
    "no port": (
        '[cluster]\nname = "x"\n[boards.box]\ntype = "RPI_PICO_W"\nservices = ["b"]\n'
        "[services.b]\n",
        "cluster.toml:6: b: it has no port",
    ),
    "no folder": (
        '[cluster]\nname = "x"\n[boards.box]\ntype = "RPI_PICO_W"\nservices = ["c"]\n'
        "[services.c]\nport = 80\n",
        "the service c has no services/c/__init__.py",
    ),
    "host": (
        '[cluster]\nname = "x"\n[boards.one]\ntype = "RPI_PICO_W"\nservices = ["b"]\n'
        'host = "a b"\n[services.b]\nport = 80\n',
        'cluster.toml:6: host: "a b" is not a name or an address',
    ),
    "same host": (
        '[cluster]\nname = "x"\n[boards.one]\ntype = "RPI_PICO_W"\nservices = ["b"]\n'
        '[boards.two]\ntype = "RPI_PICO_W"\nservices = ["b"]\nhost = "ONE.local"\n'
        "[services.b]\nport = 80\n",
        "cluster.toml:9: two and one have the same host, ONE.local",
    ),
    "long host": (
        f'[cluster]\nname = "x"\n[boards.one]\ntype = "RPI_PICO_W"\nservices = ["b"]\n'
        f'host = "{"x" * 33}.local"\n[services.b]\nport = 80\n',
        "has 33 letters: a board announces at most 32",
    ),
    "long name": (
        f'[cluster]\nname = "x"\n[boards.{"y" * 40}]\ntype = "ESP32_GENERIC"\n'
        'services = ["b"]\nhost = "10.0.0.7"\n[services.b]\nport = 80\n',
        "has 40 letters: a board announces at most 32",
    ),
    "deadline": (
        '[cluster]\nname = "x"\ndeadline_ms = 0\n[boards.one]\ntype = "RPI_PICO_W"\n'
        'services = ["b"]\n[services.b]\nport = 80\n',
        "cluster.toml:3: deadline_ms: expected 1 to 600000, got 0",
    ),
}


@pytest.mark.parametrize("name", CLUSTER_MISTAKES)
def test_mistake_in_cluster_toml(name: str, tmp_path: Path) -> None:
    root = write_cluster(tmp_path, {"b": B})
    text, expected = CLUSTER_MISTAKES[name]
    (root / "cluster.toml").write_text(text)
    found = problems(root)
    assert any(expected in problem for problem in found), found


def test_duplicate_port_and_too_many_listeners(tmp_path: Path) -> None:
    names = "abcdefghi"
    sources = {
        n: f"from torpor import Service\n\n\nclass X{n}(Service):\n    pass\n" for n in names
    }
    root = write_cluster(tmp_path, sources)
    found = problems(root)
    assert any("RPI_PICO_W has 8 listeners, box needs 9" in problem for problem in found), found
    esp32 = (root / "cluster.toml").read_text().replace("RPI_PICO_W", "ESP32_GENERIC")
    (root / "cluster.toml").write_text(esp32)
    found = problems(root)
    assert any("ESP32_GENERIC has 7 listeners, box needs 9" in each for each in found), found
    text = (root / "cluster.toml").read_text().replace("port = 8009", "port = 8001")
    (root / "cluster.toml").write_text(text)
    assert any("i has port 8001, and so has a (line 9)" in problem for problem in problems(root))


def test_a_linux_board_has_no_outputs(tmp_path: Path) -> None:
    source = (
        "from torpor import Service\n\n\nclass A(Service):\n"
        "    async def start(self) -> None:\n        self.output(4)\n"
    )
    found = problems(write_cluster(tmp_path, {"a": source}, "UNIX"))
    assert len(found) == 1
    assert "services/a/__init__.py:6: box is a UNIX board, which has no outputs" in found[0]
