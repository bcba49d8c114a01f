"""What an image has of a package from PyPI: all that its modules can call."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.host_tools.small_plans import Small, plan
from torpor_tools.link.module import Module
from torpor_tools.link.prune import collect
from torpor_tools.link.slim import slim
from torpor_tools.link.wiring import wiring

PACKAGE = """\
import os

LIMIT = fallback(3)


def fallback(n):
    return helper(n)


def helper(n):
    return n


def unused():
    return only_of_unused()


def only_of_unused():
    return 1


class Base:
    def inherited(self):
        return 1


class App(Base):
    def __init__(self):
        self.kept()

    def kept(self):
        return 1

    @property
    def never(self):
        return 2

    async def late(self):
        return os.getcwd()


class Empty:
    def nothing(self):
        return 1
"""


def slimmed(user: str) -> str:
    package = Module("pack", False, PACKAGE, "pack.py", "dependency")
    [found] = slim([package], [Module("services.a", True, user, "a.py", "service")])
    assert found.source.count("\n") == PACKAGE.count("\n")
    compile(found.source, "pack.py", "exec")
    return found.source


@pytest.mark.parametrize(
    ("user", "there", "gone"),
    [
        ("", "fallback helper", "unused only_of_unused App Base kept late Empty"),
        ("from pack import App", "App Base kept __init__", "never late inherited Empty"),
        ("from pack import App\nApp().inherited()", "App inherited", "late"),
        ("import pack\npack.App().late()", "App late", "never unused"),
        ("import pack\ngetattr(pack.App(), 'never')", "App never", "late"),
        ("import pack\npack.unused()", "unused only_of_unused", "App Base"),
        ("import pack\npack.Empty()", "Empty", "nothing App"),
    ],
)
def test_what_is_named_stays(user: str, there: str, gone: str) -> None:
    source = slimmed(user)
    for name in there.split():
        assert f"def {name}(" in source or f"class {name}" in source, (name, source)
    for name in gone.split():
        assert f"def {name}(" not in source, (name, source)
        assert f"class {name}" not in source, (name, source)
    assert source.count("@property") == ("never" in there.split())


def test_microdot_without_its_server_and_what_nobody_calls(tmp_path: Path) -> None:
    source = """
from microdot import Microdot
from torpor import Service

app = Microdot()

@app.get("/")
async def index(request):
    return "hello"

class A(Service):
    app = app
"""
    made = plan(tmp_path, {"a": Small({"__init__.py": source})})
    modules, problems = collect(made, made.boards[0], {"cluster": wiring(made, made.boards[0])})
    assert problems == []
    [microdot] = [m.source for m in modules if m.name == "microdot.microdot"]
    assert "def start_server(" not in microdot
    assert "def set_cookie(" not in microdot
    assert "def get(" in microdot
