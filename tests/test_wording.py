"""Plain English: the worst patterns of our old dialect do not come back.

What counts is the text that people read: pages, docstrings, comments, messages and help texts.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORDS = re.compile(
    r"\b(told|whoever|anew|seldom|midst|likewise|for good|some \d[\d,.]*"
    r"|can(?:not)? be had|without further ado)\b",
    re.IGNORECASE,
)
# First words of a docstring that begin a clause instead of naming or describing a thing.
HEADS = ("What", "Where", "Of", "That")
# What is quoted: the text of others, the history, and this list.
QUOTED = ("CHANGELOG.md", "tests/test_wording.py", "tests/cases/", "vendor/")


def _files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "*.md", "*.py", "*.toml", "*.html", "Makefile"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    return [name for name in listed if not name.startswith(QUOTED)]


def _is_name(text: str) -> bool:
    """Whether a string is one word: the name of a module or variable, and not read by people."""
    return text.strip("\"'").isidentifier()


def _texts(name: str, source: str) -> Iterator[tuple[int, str]]:
    """Yield the text that people read, with its line: of Python, strings and comments only."""
    if not name.endswith(".py"):
        yield from enumerate(source.splitlines(), 1)
        return
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type in READ and not _is_name(token.string):
            yield from enumerate(token.string.splitlines(), token.start[0])


# Python 3.12 has a token of its own for the text of an f-string.
READ = (tokenize.STRING, tokenize.COMMENT, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING))
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def _docstrings(source: str) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, DOCUMENTED) and (text := ast.get_docstring(node)):
            yield node.body[0].lineno, text


def _suspects(name: str, source: str) -> list[str]:
    texts = _texts(name, source) if WORDS.search(source) else ()
    bad = [f"{name}:{n}: {line.strip()}" for n, line in texts if WORDS.search(line)]
    if name.endswith(".py"):
        bad += [
            f"{name}:{n}: {text.splitlines()[0]}"
            for n, text in _docstrings(source)
            if text.split()[0] in HEADS
        ]
    return bad


def test_no_text_uses_the_old_dialect() -> None:
    suspects = []
    for name in _files():
        if not (ROOT / name).is_symlink() and (ROOT / name).is_file():
            suspects += _suspects(name, (ROOT / name).read_text())
    assert suspects == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.md", "The board is told when it wakes."),
        ("a.md", "It takes some 50 ms."),
        ("a.md", "Whoever calls it gets an answer."),
        ("a.py", "# begins anew"),
        ("a.py", 'print("likewise the others")'),
        ("a.py", 'def f():\n    """What the board has."""\n'),
        ("a.py", 'class A:\n    """Of a service the peers."""\n'),
    ],
)
def test_it_finds_the_patterns(name: str, source: str) -> None:
    assert _suspects(name, source)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a.md", "Some boards sleep, and about 50 ms later they wake."),
        ("a.py", "told = 5"),
        ("a.py", 'def f():\n    """Whatever the board has."""\n'),
        ("a.py", 'x = "What is this?"'),
        ("a.py", 'x = ("seldom", "told")'),
    ],
)
def test_it_leaves_other_text_alone(name: str, source: str) -> None:
    assert _suspects(name, source) == []
