"""The part of a package from PyPI that gets into an image."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.host_tools.small_plans import Small, plan
from torpor_tools.link.module import Module
from torpor_tools.link.resolve import resolved
from torpor_tools.link.shake import without_unused
from torpor_tools.link.wiring import wiring

PACKAGE = '''"""Says helper and Stream.close."""
import io


def helper():
    return inner()


def inner():
    """lonely is not called."""
    return 1


def lonely():
    return friend()


def friend():
    return 2


class App:
    name = "app"

    def get(self, path):
        return self._route(path)

    def _route(self, path):
        return path

    @property
    def quiet(self):
        return 3

    @staticmethod
    def abort(): raise ValueError

    def run(self):
        return self._serve()

    def _serve(self):
        return lonely()

    def __repr__(self):
        return "App"


class Stream(io.BytesIO):
    def readinto(self, data):
        return 0
'''


def kept(*sources: str, part: str = "service") -> tuple[set[str], str]:
    """Return the names that remain in the package when these modules are in the image with it."""
    users = [
        Module(f"services.a.m{i}", False, source, f"m{i}.py", part)
        for i, source in enumerate(sources)
    ]
    package = Module("microdot", False, PACKAGE, "microdot.py", "dependency")
    made = without_unused([package, *users])
    assert made[1:] == users
    definitions = ast.FunctionDef | ast.ClassDef
    tree = ast.parse(made[0].source)
    return {n.name for n in ast.walk(tree) if isinstance(n, definitions)}, made[0].source


def test_unused_code_is_removed_with_what_only_it_uses() -> None:
    found, text = kept("from microdot import App, Stream\n\nApp().get('/')\n")
    assert found == {"App", "get", "_route", "__repr__", "Stream", "readinto"}
    line = next(n for n, text in enumerate(PACKAGE.split("\n")) if "__repr__" in text)
    assert text.split("\n")[line] == PACKAGE.split("\n")[line]


def test_a_word_of_a_string_is_a_use() -> None:
    found, _ = kept("from microdot import App\n\ngetattr(App(), 'run')()\n")
    assert {"run", "_serve", "lonely", "friend"} <= found
    assert "inner" not in found


def test_modules_of_the_same_service_count() -> None:
    found, _ = kept("from microdot import App\n", "def use(app):\n    return app.quiet\n")
    assert "quiet" in found


def test_other_modules_do_not_count() -> None:
    found, _ = kept("import sys\n\nsys.run()\n", part="runtime")
    assert found == set()


def test_a_part_of_the_runtime_that_a_user_loads_when_needed_counts() -> None:
    package = Module("microdot", False, PACKAGE, "microdot.py", "dependency")
    text = "from microdot import App\n\n\ndef send(app):\n    from . import pieces\n"
    app = Module("torpor.http.microdot_adapter", False, text, "app.py", "runtime")
    pieces = Module("torpor.http.pieces", False, "def send(app): app.quiet", "p.py", "runtime")
    other = Module("torpor.http.other", False, "def send(app): app.run()", "o.py", "runtime")
    source = without_unused([package, app, pieces, other])[0].source
    assert "def quiet" in source
    assert "def run" not in source


def test_names_made_at_run_time_keep_the_package_whole() -> None:
    for look_up in ("getattr(microdot, input())", "eval('1')", "microdot.__dict__"):
        found, text = kept(f"import microdot\n\n{look_up}\n")
        assert text == PACKAGE
        assert "friend" in found


def test_all_modules_and_the_start_files_may_use_the_runtime() -> None:
    text = "def save():\n    pass\n\n\ndef start():\n    pass\n\n\ndef run():\n    pass\n"
    text += "\n\n@cold\ndef info():\n    pass\n"  # a mark is no use
    part = Module("torpor.kernel", False, text, "kernel.py", "runtime")
    other = Module("torpor.power.sleep", False, "kernel.save()", "sleep.py", "runtime")
    main = Module("main", False, "kernel.run()", "main.py", "start")
    made = without_unused([part, other], [main])[0].source
    assert "save" in made
    assert "run" in made
    assert "start" not in made
    assert "info" not in made


def test_a_module_that_is_not_a_part_of_the_board_loses_its_start() -> None:
    text = (
        "def start(kernel):\n    serve()\n\n\ndef serve():\n    pass\n\n\ndef report():\n    pass\n"
    )
    tools = Module("torpor.tools", False, text, "tools.py", "runtime")
    kernel = Module("other", False, "part.start(kernel); tools.report()", "other.py", "runtime")
    for imported, names in (("tools", {"start", "serve", "report"}), ("wifi", {"report"})):
        lines = f"def parts():\n    from torpor import {imported}\n"
        wiring = Module("cluster", False, lines, "cluster.py", "wiring")
        source = without_unused([tools, kernel, wiring])[0].source
        assert {n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)} == names


def test_microdot_without_its_server_and_unused_code(tmp_path: Path) -> None:
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
    made = plan(tmp_path, {"a": Small({"__init__.py": source}, has_app=True)})
    program = resolved(made, made.boards[0], {"cluster": wiring(made, made.boards[0])})
    modules, problems = list(program.modules.values()), program.problems
    assert problems == []
    linked = without_unused(modules)
    [microdot] = [m.source for m in linked if m.name == "microdot.microdot"]
    assert "def start_server(" not in microdot
    assert "def set_cookie(" not in microdot
    assert "def get(" in microdot
    assert "def body_iter(" in microdot  # what sends an answer in pieces is loaded when needed
