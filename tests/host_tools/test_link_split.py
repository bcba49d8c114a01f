"""Code that is marked ``@cold`` or ``@startup`` goes into modules that are loaded when called."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from torpor_tools.link.module import Module
from torpor_tools.link.split import split, split_all
from torpor_tools.link.split.users import Users

MICROPYTHON = str(Path(sys.executable).with_name("micropython"))
COLD = Path(__file__).parents[2] / "firmware" / "torpor" / "cold.py"


def module(source: str, name: str = "a.x", is_package: bool = False) -> Module:
    text = textwrap.dedent(source).lstrip("\n")
    return Module(name, is_package, text, f"{name.replace('.', '/')}.py", "runtime")


def run(folder: Path, sources: dict[str, str], program: str) -> str:
    """Link modules, run a program with them in MicroPython, and return its output."""
    modules = [module(source, name, name == "a") for name, source in {"a": "", **sources}.items()]
    modules.append(module(COLD.read_text(), "torpor.cold"))
    modules.append(module("", "torpor", True))
    linked, problems = split_all(modules, Users([*modules, module(program, "program")]))
    assert not problems
    for each in linked:
        path = folder / each.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(each.source)
    head = f"import sys\nsys.path[:] = [{str(folder)!r}, '.frozen']\n"
    head += "from torpor import cold\ndef loaded():\n"
    head += "    return sorted(n for n in sys.modules if '__' in n and n != '__main__')\n"
    (folder / "program.py").write_text(head + textwrap.dedent(program))
    done = subprocess.run(
        [MICROPYTHON, str(folder / "program.py")], capture_output=True, text=True, check=False
    )
    assert not done.returncode, done.stdout + done.stderr
    return done.stdout


ALL_KINDS = """
'''A module
of all kinds.'''
import asyncio
from micropython import const
from torpor.cold import cold, startup
from json import dumps, loads

_LIMIT = const(7)
_TABLE = (3, 4)
limit = 5
count = 0


class Thing:
    '''A thing.'''

    size = 2

    @cold
    def open(self, a, b=1, *c, k=2, **d):
        global count
        count += _LIMIT
        return dumps([self.size, a, b, list(c), k, sorted(d), _helper(limit)])

    @property
    @cold
    def first(self):
        return open.__class__ is not None and self.size

    @staticmethod
    @cold
    def second(x):
        return x + limit

    @cold
    async def wait(self):
        await asyncio.sleep(0)
        return [n for n in _rows(self.size)]

    def hot(self):
        return _private(self, 1) if self.size else None


def _rows(n):
    for i in range(n):
        yield i + _TABLE[0]


def _helper(x):
    return x * 2


@cold
def _private(thing, n, m=4):
    return thing.size + n + m


@cold
def public(x: "Thing" = None):
    return _private(x or Thing(), 5), loads("[1]")


@startup
def begin(names: list) -> None:
    global limit
    limit = len(names)
    for count in names:  # a local variable of that name
        pass
    return public()
"""


def test_marked_code_behaves_like_unmarked_code(tmp_path: Path) -> None:
    program = """
        import asyncio
        from a import x
        t = x.Thing()
        assert loaded() == [], loaded()
        print(t.open(1), t.open(1, 2, 3, k=4, z=5), x.count)
        assert loaded() == ["a.x__cold"], loaded()
        print(t.first, t.second(1), x.Thing.second(2), asyncio.run(t.wait()), t.hot())
        print(x.begin(["q", "r"]), x.limit, x.count, x.public(t))
        assert loaded() == ["a.x__cold"], loaded()  # what runs once has gone
        cold.clear()
        assert loaded() == [] and not hasattr(sys.modules["a"], "x__cold")
        print(t.hot(), x.public())
    """
    printed = run(tmp_path, {"a.x": ALL_KINDS}, program)
    assert printed.splitlines() == [
        '[2, 1, 1, [], 2, [], 10] [2, 1, 2, [3], 4, ["z"], 10] 14',
        "2 6 7 [3, 4] 7",
        "(11, [1]) 2 14 (11, [1])",
        "7 (11, [1])",
    ]


def test_without_linking_the_marks_do_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "torpor"
    folder.mkdir()
    (folder / "cold.py").write_text(COLD.read_text())
    (tmp_path / "x.py").write_text(textwrap.dedent(ALL_KINDS))
    text = f"import sys; sys.path[:] = [{str(tmp_path)!r}, '.frozen']; import x; "
    text += "print(x.Thing().hot(), x.begin([]), sorted(n for n in sys.modules if '__c' in n))"
    done = subprocess.run([MICROPYTHON, "-c", text], capture_output=True, text=True, check=True)
    assert done.stdout == "7 (11, [1]) []\n"


def test_every_line_keeps_its_number_and_a_traceback_the_module(tmp_path: Path) -> None:
    each = module(ALL_KINDS)
    parts = split(each)[0]
    lines = each.source.split("\n")
    assert [part.name for part in parts] == ["a.x", "a.x__cold", "a.x__startup"]
    assert {part.trace_name for part in parts} == {"a/x.mpy"}
    moved = set()
    for part in parts[1:]:
        assert len(part.source.split("\n")) == len(lines)
        for number, line in enumerate(part.source.split("\n")):
            if "return " in line:
                assert line.replace("_module.", "") == lines[number]
                moved.add(number)
    assert len(moved) == len([n for n in lines if "return " in n]) - 1  # ``hot`` stays


def test_code_that_only_marked_code_uses_moves_with_it(tmp_path: Path) -> None:
    hot, cold, once = (part.source for part in split(module(ALL_KINDS))[0])
    for name in ("dumps", "loads", "_TABLE", "_helper", "_rows", "_LIMIT", "asyncio"):
        assert name not in hot
        assert name in cold
        assert name not in once
    assert "def _private" not in hot  # its one caller loads it
    assert "def _private" in cold


WHOLE = """
from torpor.cold import cold

_SIZES = {"a": 1}

@cold
class Walk:
    def steps(self):
        yield from _pages()

def _pages():
    return iter((1, 2))

@cold
def pages():
    return list(Walk().steps())
"""


def test_a_module_that_is_marked_throughout_is_released_as_a_whole(tmp_path: Path) -> None:
    program = """
        def use():
            from a import w
            return w.pages()
        print(use(), "a.w" in sys.modules)
        cold.clear()
        print("a.w" in sys.modules, use())
    """
    assert run(tmp_path, {"a.w": WHOLE}, program) == "[1, 2] True\nFalse [1, 2]\n"
    assert len(split(module(WHOLE))[0]) == 1


WITH_STATE = """
from torpor.cold import cold

pages = []
count = 0

@cold
def add():
    global count
    count += 1
    pages.append(count)
    return pages, count
"""


def test_the_variables_of_a_module_that_is_marked_throughout_stay(tmp_path: Path) -> None:
    program = """
        def use():
            from a import w
            return w.add()
        use()
        cold.clear()
        print(loaded(), use())
    """
    assert run(tmp_path, {"a.w": WITH_STATE}, program) == "[] ([1, 2], 2)\n"


DEFAULTS = """
from micropython import const
from torpor.cold import cold

_LEAST = const(3)
_WORDS = ("a", "b")

class Thing:
    @cold
    def size(self, least=_LEAST, *, words=_WORDS):
        return least + _LEAST + len(words)

    def hot(self):
        return self.size() + self.size(1, words=())
"""


def test_a_stub_has_the_defaults_of_its_function(tmp_path: Path) -> None:
    assert run(tmp_path, {"a.d": DEFAULTS}, "from a.d import Thing\nprint(Thing().hot())") == "12\n"


REASONS = """
from torpor.cold import cold

@cold
def reason(value):
    return "%s: %s" % (value, _detail())

def _detail():
    return 1

@cold
def unused_elsewhere():
    return 2

def hot():
    return unused_elsewhere()
"""
CALLER = """
def why(value):
    from .reasons import hot, reason as explain
    return explain(value), hot()
"""


def test_a_function_that_others_import_when_they_call_it_has_no_stub(tmp_path: Path) -> None:
    program = """
        from a import caller, reasons
        print(loaded(), [name for name in dir(reasons) if name[0] != "_"])
        print(caller.why(3), loaded())
        cold.clear()
        print(loaded(), caller.why(4), reasons.hot())
        cold.clear()
        print(loaded())
    """
    lines = run(tmp_path, {"a.reasons": REASONS, "a.caller": CALLER}, program).splitlines()
    assert lines == [
        "[] ['hot']",
        "('3: 1', 2) ['a.reasons__cold']",
        "[] ('4: 1', 2) 2",
        "[]",
    ]


@pytest.mark.parametrize(
    "user",
    [
        "from .reasons import reason\n",
        "from . import reasons\nprint(reasons.reason)\n",
        "'reason'\n",
    ],
)
def test_any_other_use_keeps_the_stub(user: str) -> None:
    modules = [module(REASONS, "a.reasons"), module(CALLER, "a.caller"), module(user, "a.user")]
    linked, _ = split_all(modules, Users(modules))
    sources = {each.name: each.source for each in linked}
    assert "def reason(value): return" in sources["a.reasons"]
    assert "def unused_elsewhere" not in sources["a.reasons"]
    assert "from .reasons import hot, reason as explain" in sources["a.caller"]


CONSTRUCTED = """
from torpor.cold import cold, startup

@cold
class Refusal:
    def __init__(self, reason):
        self.reason = reason

def refuse(reason):
    return Refusal(reason)

@startup
def begin():
    return _fail("begin")

def _fail(reason):
    return Refusal(reason)
"""


def test_unmarked_code_may_make_objects_of_a_marked_class(tmp_path: Path) -> None:
    program = """
        from a import c
        one = c.refuse("full")
        cold.clear()
        print(one.reason, loaded(), c.begin().reason, loaded())
    """
    out = run(tmp_path, {"a.c": CONSTRUCTED}, program)
    assert out == "full [] begin ['a.c__cold']\n"


def test_numbers_are_released_when_they_have_been_copied(tmp_path: Path) -> None:
    numbers = "from micropython import const\n\nFULL = const(28)\n"
    program = """
        from a.numbers import FULL
        cold.clear()
        print(FULL, "a.numbers" in sys.modules)
    """
    assert run(tmp_path, {"a.numbers": numbers}, program) == "28 False\n"


def test_an_import_that_keeps_such_a_module_is_refused(tmp_path: Path) -> None:
    holder = module("from . import w\n", "a.y")
    inside = module("def f():\n    from . import w\n", "a.z")
    _, problems = split_all([module(WHOLE, "a.w"), holder, inside])
    assert [str(problem).split("\n")[0] for problem in problems] == [
        "a/y.py:1:1: a.w is marked @cold, and this import keeps it loaded"
    ]


def test_a_package_imports_by_absolute_names_in_its_cold_code(tmp_path: Path) -> None:
    package = """
        from torpor.cold import cold
        from .p import deep as inner
        @cold
        def f():
            from .p.other import x
            return inner, x
        def g():
            pass
    """
    cold = split(module(package, "a", True))[0][1]
    assert cold.name == "a__cold"
    assert "from a.p import deep as inner" in cold.source
    assert "from a.p.other import x" in cold.source


REFUSED = {
    "def g():\n        return x\n    return g": "g of f, which is loaded only while it runs",
    "return lambda: x": "a lambda of f",
    "x.key = lambda: 1": "is stored in x.key",
    "x['k'] = [lambda: 1]": "is stored in x['k']",
    "class C:\n        pass\n    x.c = C()": "an object of the class C of f",
    "class C:\n        pass\n    return C": "the class C of f",
    "class C(Exception):\n        pass\n    raise C": "",
    "x.on_change(f)": "the function f of f",
    "x.on_change(lambda: 1)": "is given to x.on_change, which may keep it",
    "x.callbacks.append(h)": "the function h of f",
    "h(sorted(x, key=lambda e: e[0]))": "",
    "local = []\n    local.append(lambda: 1)": "",
    "x.rows = (n for n in x)": "a generator",
    "x.steps = h2(x)": "the generator h2",
    "return h2(x)": "",
    "h(n for n in x)": "",
    "global kept\n    kept = lambda: 1": "is stored in kept",
    "global kept\n    kept = 4": "",
    "global made\n    def made():\n        pass": "becomes a variable of the module",
    "asyncio.create_task(h())": "",
    "y = cold(x)": "cold marks a function of a module",
}


@pytest.mark.parametrize("body", REFUSED)
def test_code_that_would_outlive_the_call_is_refused(body: str) -> None:
    source = "from torpor.cold import cold\nkept = None\nmade = None\n\ndef hot():\n    pass\n\n"
    source += "@cold\ndef h(*x):\n    pass\n\n@cold\ndef h2(x):\n    yield\n\n"
    source += f"@cold\ndef f(x):\n    {body}\n"
    problems = [str(problem) for problem in split(module(source))[1]]
    assert len(problems) == bool(REFUSED[body]), problems
    for problem in problems:
        assert problem.startswith("a/x.py:")
        assert REFUSED[body] in problem
        assert "\n    " in problem  # the remedy
