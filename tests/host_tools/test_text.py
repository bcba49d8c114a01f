"""Text files as editors save them: byte-order marks, line endings, encodings, odd characters."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.helpers.running import write_cluster
from torpor_tools.cli import run
from torpor_tools.contracts import load_plan
from torpor_tools.contracts.lock import read_lock
from torpor_tools.contracts.promises import record
from torpor_tools.errors import UserError
from torpor_tools.link import build, check
from torpor_tools.python_text import newer_syntax
from torpor_tools.text import decode

A = """\
from torpor import Service, get


class A(Service):
    @get("/a")
    async def read(self) -> str:
        return "\u00e9"
"""
UP = "def up(db):\n    db.create('rows')\n"
MARK = b"\xef\xbb\xbf"


def project(root: Path) -> Path:
    write_cluster(root, {"a": A})
    (root / "services/a/migrations").mkdir()
    (root / "services/a/migrations/0001_rows.py").write_text(UP)
    (root / "services/a/rules.py").write_text("X = 3\n")
    (root / "secrets.toml").write_text('[wifi]\nssid = "x"\npassword = "12345678"\n')
    return root


def saved(root: Path, mark: bytes, end: bytes) -> None:
    """Save every text of the project once more, as another editor does."""
    for path in root.rglob("*"):
        if path.suffix in (".py", ".toml", ".lock"):
            path.write_bytes(mark + path.read_bytes().replace(b"\n", end))


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("mark", [b"", MARK], ids=["plain", "mark"])
def test_every_file_may_have_a_mark_and_any_line_ends(
    tmp_path: Path, mark: bytes, end: bytes
) -> None:
    usual, other = project(tmp_path / "usual"), project(tmp_path / "other")
    images = []
    for root in (usual, other):
        record(load_plan(root))
        if root is other:
            saved(root, mark, end)
        plan, problems = check(root, types=False)
        assert problems == []
        images.append(build(plan, "box", root / "build", types=False))
    assert read_lock(usual) == read_lock(other)
    names = [p.relative_to(images[0].tree) for p in images[0].tree.rglob("*") if p.is_file()]
    for name in names:
        assert (images[0].tree / name).read_bytes() == (images[1].tree / name).read_bytes(), name


@pytest.mark.parametrize(
    ("data", "place", "what", "remedy"),
    [
        (b"a\nb \xe9", "x:2:3", "0xe9, which is 'é' in Latin-1", "UTF-8"),
        (b"\x80", "x:1:1", "0x80, which is '€' in Latin-1", "UTF-8"),
        (b"caf\xc3\xa9 \xe9", "x:1:6", "0xe9", "UTF-8"),
        (b"\xc0\xaf", "x:1:1", "0xc0", "UTF-8"),
        (b"\xed\xa0\x80", "x:1:1", "0xed", "UTF-8"),
        (b"ab\xc3", "x:1:3", "0xc3", "UTF-8"),
        (b"a\n\nb\0", "x:3:2", "NUL", "remove it"),
        (b"\0", "x:1:1", "NUL", "remove it"),
        ("x = 1".encode("utf-16"), "x", "UTF-16", "UTF-8"),
    ],
)
def test_bytes_that_are_not_text(data: bytes, place: str, what: str, remedy: str) -> None:
    with pytest.raises(UserError) as caught:
        decode(data, "x")
    [problem] = caught.value.problems
    assert str(problem.where) == place
    assert what in problem.what
    assert remedy in problem.remedy


@pytest.mark.parametrize(
    "file", ["cluster.toml", "secrets.toml", "services/a/__init__.py", "services/a/rules.py"]
)
@pytest.mark.parametrize("byte", [b"\xe9", b"\0"], ids=["latin-1", "nul"])
def test_each_file_that_is_not_text_is_named(tmp_path: Path, file: str, byte: bytes) -> None:
    path = project(tmp_path) / file
    path.write_bytes(path.read_bytes() + b"# x" + byte + b"\n")
    line = path.read_bytes().count(b"\n")
    try:
        plan, problems = check(tmp_path, types=False)
        build(plan, "box", tmp_path / "build", types=False)
    except UserError as error:
        problems = list(error.problems)
    assert [str(problem.where) for problem in problems] == [f"{file}:{line}:4"]


PYTHON = [
    ("x =\u00a01", "U+00A0 (no-break space)", "an ordinary space"),
    ("x = \u2003 1", "U+2003 (em space)", "an ordinary space"),
    ("x = \u201cword\u201d", "U+201C (left double quotation mark)", 'write "'),
    ("x = 1 \u200b", "U+200B (zero width space)", "remove it"),
    ("x = 1 \x0e", "U+000E", "remove it"),
    ("x = €", "U+20AC (euro sign)", "in quotes"),
    ("type P = int", "MicroPython has no type statement", "X = ..."),
    ("def f[T](x: T) -> T: return x", "MicroPython has no type parameters", "TypeVar"),
    ("class C[T]: pass", "MicroPython has no type parameters", "TypeVar"),
    ('x = f"{d["k"]}"', "an f-string with its own quotes", "other quotes"),
    ("x = f'{d['k']}'", "an f-string with its own quotes", "other quotes"),
    ('x = f"a {", ".join(y)}"', "an f-string with its own quotes", "other quotes"),
    ("x = f\"{chr(10)}{'\\n'.join(y)}\"", "of an f-string", "give the value a name"),
    ("x = (", "syntax error", "correct it"),
]


@pytest.mark.parametrize(("line", "what", "remedy"), PYTHON, ids=[line for line, _, _ in PYTHON])
def test_code_that_is_not_valid_on_a_board(
    tmp_path: Path, line: str, what: str, remedy: str
) -> None:
    write_cluster(tmp_path, {"a": f"d = {{}}\ny = []\n{line}\n" + A})
    problems = check(tmp_path, types=False)[1]
    if "f-string" in what and sys.version_info >= (3, 12):  # mpy-cross takes it too
        assert problems == []
        return
    found = [problem for problem in problems if problem.where and problem.where.line == 3]
    assert found, problems
    assert what in found[0].what
    assert remedy in found[0].remedy


@pytest.mark.parametrize(
    "line",
    [
        "type(x) == int",
        'x = f"{d[\'k\']} \\""',
        'print(f"{a}", "{}".format(3))',
        'x = f"{a} and {b}"',
        "def f(x): return x[0]",
        'rf"{x}" + "{"',
    ],
)
def test_syntax_that_is_not_newer(line: str) -> None:
    assert newer_syntax(line) is None


def test_no_break_space_in_cluster_toml(tmp_path: Path) -> None:
    path = project(tmp_path) / "cluster.toml"
    path.write_text(path.read_text().replace("port = 8001", "port =\u00a08001"))
    with pytest.raises(UserError) as caught:
        load_plan(tmp_path)
    [problem] = caught.value.problems
    assert "U+00A0 (no-break space)" in problem.what
    assert str(problem.where).startswith("cluster.toml:")
    assert "ordinary space" in problem.remedy


def test_new_service_in_a_file_with_a_mark(tmp_path: Path) -> None:
    path = project(tmp_path) / "cluster.toml"
    path.write_bytes(MARK + path.read_bytes())
    assert run(["-C", str(tmp_path), "new", "service", "more"]) == 0
    assert [s.name for s in load_plan(tmp_path).cluster.services] == ["a", "more"]
