"""Ask MicroPython what it has: builtins, methods, keyword arguments, functions of its modules.

The answers are the tables in ``host_tools/torpor_tools/contracts/firmware/``, by which the type
check removes names from the stubs. Run this again when the firmware or the simulator's MicroPython
changes::

    python scripts/ask_firmware.py unix   # the simulator's MicroPython
    python scripts/ask_firmware.py rp2    # the official Pico W firmware in the emulator, 5 minutes
"""

from __future__ import annotations

import ast
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from torpor_sim.emulated import EmulatedBoard
from torpor_tools.board.flash.catalogue import firmware
from torpor_tools.image import littlefs
from torpor_tools.image.flashable import flashable
from torpor_tools.link.builtin import MODULES
from torpor_tools.project import load_board

TABLES = Path(__file__).parents[1] / "host_tools" / "torpor_tools" / "contracts" / "firmware"
_HEAD = "# Written by scripts/ask_firmware.py, which has asked MicroPython. Do not edit.\n"
_LAST = "that was all"
_WALL_S = 1800.0

# A function or method with an argument by its name -> a call that is right in CPython.
KEYWORDS = {
    "asyncio.create_task(context)": "import asyncio; asyncio.create_task(iter([]), context=None)",
    "asyncio.create_task(name)": "import asyncio; asyncio.create_task(iter([]), name='x')",
    "bytes(encoding)": 'bytes("a", encoding="utf-8")',
    "bytes(errors)": 'bytes("a", "utf-8", errors="strict")',
    "bytes.decode(encoding)": 'b"a".decode(encoding="utf-8")',
    "bytes.decode(errors)": 'b"a".decode("utf-8", errors="strict")',
    "bytes.hex(bytes_per_sep)": 'b"ab".hex(":", bytes_per_sep=1)',
    "bytes.hex(sep)": 'b"ab".hex(sep=":")',
    "bytes.rsplit(maxsplit)": 'b"a b".rsplit(maxsplit=1)',
    "bytes.rsplit(sep)": 'b"a b".rsplit(sep=b" ")',
    "bytes.split(maxsplit)": 'b"a b".split(maxsplit=1)',
    "bytes.split(sep)": 'b"a b".split(sep=b" ")',
    "bytes.splitlines(keepends)": 'b"a".splitlines(keepends=True)',
    "collections.deque(iterable)": "from collections import deque; deque(iterable=[], maxlen=1)",
    "collections.deque(maxlen)": "from collections import deque; deque([], maxlen=1)",
    "complex(imag)": "complex(1, imag=2)",
    "complex(real)": "complex(real=1)",
    "compile(filename)": 'compile("1", filename="x", mode="eval")',
    "compile(mode)": 'compile("1", "x", mode="eval")',
    "compile(_feature_version)": 'compile("1", "x", "eval", _feature_version=8)',
    "compile(dont_inherit)": 'compile("1", "x", "eval", dont_inherit=True)',
    "compile(flags)": 'compile("1", "x", "eval", flags=0)',
    "compile(optimize)": 'compile("1", "x", "eval", optimize=0)',
    "compile(source)": 'compile(source="1", filename="x", mode="eval")',
    "enumerate(iterable)": "enumerate(iterable=[])",
    "enumerate(start)": "enumerate([], start=1)",
    "int(base)": 'int("7", base=16)',
    "int.from_bytes(byteorder)": 'int.from_bytes(b"a", byteorder="big")',
    "int.from_bytes(bytes)": 'int.from_bytes(bytes=b"a", byteorder="big")',
    "int.from_bytes(signed)": 'int.from_bytes(b"a", "big", signed=True)',
    "int.to_bytes(byteorder)": 'int.to_bytes(1, 2, byteorder="big")',
    "int.to_bytes(length)": 'int.to_bytes(1, length=2, byteorder="big")',
    "int.to_bytes(signed)": 'int.to_bytes(1, 2, "big", signed=True)',
    "list.sort(key)": "[1].sort(key=None)",
    "list.sort(reverse)": "[1].sort(reverse=True)",
    "max(default)": "max([], default=1)",
    "max(key)": "max([1], key=abs)",
    "help(request)": "help(request=1)",
    "memoryview.hex(bytes_per_sep)": 'memoryview(b"a").hex(":", bytes_per_sep=1)',
    "memoryview.hex(sep)": 'memoryview(b"a").hex(sep=":")',
    "memoryview(obj)": 'memoryview(obj=b"a")',
    "min(default)": "min([], default=1)",
    "min(key)": "min([1], key=abs)",
    "open(buffering)": 'open("asked.txt", "w", buffering=-1)',
    "open(closefd)": 'open("asked.txt", "w", closefd=True)',
    "open(encoding)": 'open("asked.txt", "w", encoding="utf-8")',
    "open(errors)": 'open("asked.txt", "w", errors=None)',
    "open(file)": 'open(file="asked.txt", mode="w")',
    "open(mode)": 'open("asked.txt", mode="w")',
    "open(newline)": 'open("asked.txt", "w", newline="")',
    "open(opener)": 'open("asked.txt", "w", opener=None)',
    "pow(base)": "pow(base=2, exp=3)",
    "pow(exp)": "pow(2, exp=3)",
    "pow(mod)": "pow(2, 3, mod=5)",
    "print(end)": 'print(end="")',
    "print(file)": 'print(end="", file=sys.stdout)',
    "print(flush)": 'print(end="", flush=True)',
    "print(sep)": 'print(end="", sep="")',
    "property(fget)": "property(fget=None)",
    "round(ndigits)": "round(1.5, ndigits=1)",
    "round(number)": "round(number=1.5)",
    "sorted(key)": "sorted([1], key=None)",
    "sorted(reverse)": "sorted([1], reverse=True)",
    "str(encoding)": 'str(b"a", encoding="utf-8")',
    "str(errors)": 'str(b"a", "utf-8", errors="strict")',
    "str(object)": 'str(object="a")',
    "str.encode(encoding)": '"a".encode(encoding="utf-8")',
    "str.encode(errors)": '"a".encode("utf-8", errors="strict")',
    "str.rsplit(maxsplit)": '"a b".rsplit(maxsplit=1)',
    "str.rsplit(sep)": '"a b".rsplit(sep=" ")',
    "str.split(maxsplit)": '"a b".split(maxsplit=1)',
    "str.split(sep)": '"a b".split(sep=" ")',
    "str.splitlines(keepends)": '"a".splitlines(keepends=True)',
    "sum(start)": "sum([1], start=1)",
    "zip(strict)": "zip([1], strict=True)",
}

# What is written with signs, as the stubs name it -> a statement. "[::]" is a slice with a step,
# "/2" a second argument (not counting self) in a call by position.
OPERATIONS = {
    "asyncio.sleep/2": "import asyncio; asyncio.sleep(0, 1)",
    "BaseException.__cause__": "ValueError(1).__cause__",
    "BaseException.__context__": "ValueError(1).__context__",
    "BaseException.__suppress_context__": "ValueError(1).__suppress_context__",
    "BaseException.__traceback__": "ValueError(1).__traceback__",
    "bytearray.__delitem__": 'a = bytearray(b"abcd"); del a[0]',
    "bytearray.__getitem__[::]": 'bytearray(b"abc")[::2]',
    "bytearray.__setitem__[::]": 'a = bytearray(b"abcd"); a[::2] = b"xy"',
    "bytearray.append": 'bytearray(b"a").append(1)',
    "bytearray.extend": 'bytearray(b"a").extend(b"1")',
    "bytearray.insert": 'bytearray(b"a").insert(0, 1)',
    "bytearray.pop": 'bytearray(b"a").pop()',
    "bytearray.remove": 'bytearray(b"a").remove(97)',
    "bytearray.reverse": 'bytearray(b"a").reverse()',
    "bytearray.clear": 'bytearray(b"a").clear()',
    "bytes.__getitem__[::]": 'b"abc"[::2]',
    "bytes.__mod__": 'b"%d" % 1',
    "memoryview.hex/1": 'memoryview(b"ab").hex(":")',
    "memoryview.hex/2": 'memoryview(b"ab").hex(":", 1)',
    "bytes.decode/1": 'b"a".decode("utf-8")',
    "bytes.hex/1": 'b"ab".hex(":")',
    "bytes.hex/2": 'b"ab".hex(":", 1)',
    "dict.__ior__": "a = {}; a |= {1: 2}",
    "dict.__or__": "{} | {1: 2}",
    "dict.__ror__": "{} | {1: 2}",
    "dict.__reversed__": "reversed({})",
    "dict_keys.__and__": "{1: 2}.keys() & {1}",
    "dict_keys.__len__": "len({}.keys())",
    "dict_keys.__or__": "{1: 2}.keys() | {1}",
    "dict_keys.__sub__": "{1: 2}.keys() - {1}",
    "dict_keys.__xor__": "{1: 2}.keys() ^ {1}",
    "dict_keys.isdisjoint": "{1: 2}.keys().isdisjoint({1})",
    "float.__divmod__": "divmod(1.5, 1.0)",
    "function.__annotations__": "(lambda: 1).__annotations__",
    "function.__closure__": "(lambda: 1).__closure__",
    "function.__code__": "(lambda: 1).__code__",
    "function.__defaults__": "(lambda: 1).__defaults__",
    "function.__dict__": "(lambda: 1).__dict__",
    "function.__doc__": "(lambda: 1).__doc__",
    "function.__globals__": "(lambda: 1).__globals__",
    "function.__kwdefaults__": "(lambda: 1).__kwdefaults__",
    "function.__module__": "(lambda: 1).__module__",
    "function.__name__": "(lambda: 1).__name__",
    "function.__qualname__": "(lambda: 1).__qualname__",
    "int.from_bytes/1": 'int.from_bytes(b"a")',
    "int.from_bytes/2": 'int.from_bytes(b"a", "big")',
    "int.to_bytes/0": "int.to_bytes(1)",
    "int.to_bytes/1": "int.to_bytes(1, 2)",
    "int.to_bytes/2": 'int.to_bytes(1, 2, "big")',
    "iter/2": "iter(lambda: 1, 1)",
    "list.__delitem__[::]": "a = [1, 2, 3]; del a[::2]",
    "list.__getitem__[::]": "[1, 2, 3][::2]",
    "list.__iadd__": "a = []; a += (1,)",
    "list.__imul__": "a = [1]; a *= 2",
    "list.__setitem__[::]": "a = [1, 2, 3, 4]; a[::2] = [1, 2]",
    "list.index/2": "[1].index(1, 0)",
    "memoryview.__getitem__[::]": 'memoryview(b"abc")[::2]',
    "object.__annotations__": "def f() -> int: pass\nf.__annotations__",
    "object.__dict__": "class A: pass\nA().__dict__",
    "object.__doc__": "class A: pass\nA().__doc__",
    "object.__module__": "class A: pass\nA().__module__",
    "object.__reduce__": "object().__reduce__()",
    "object.__reduce_ex__": "object().__reduce_ex__(2)",
    "object.__sizeof__": "object().__sizeof__()",
    "pow/3": "pow(2, 3, 5)",
    "range.__getitem__[::]": "range(9)[::2]",
    "round/2": "round(1.5, 1)",
    "set.__ixor__": "a = {1}; a ^= {2}",
    "set.difference/2": "{1}.difference([1], [2])",
    "set.intersection/2": "{1}.intersection([1], [2])",
    "set.union/2": "{1}.union([1], [2])",
    "set.update/2": "set().update([1], [2])",
    "str.__getitem__[::]": '"abc"[::2]',
    "str.center/2": '"abc".center(9, "-")',
    "str.count/2": '"a".count("a", 0)',
    "str.encode/1": '"a".encode("utf-8")',
    "str.split/2": '"a b".split(" ", 1)',
    "sum/2": "sum([1], 2)",
    "tuple.__getitem__[::]": "(1, 2, 3)[::2]",
    "type.__mro__": "int.__mro__",
    "type.__qualname__": "int.__qualname__",
}

# Runs in MicroPython. An object that cannot be made by its class alone is given in MADE.
_PROGRAM = """
import sys
def report(kind, name, value):
    print('asked', repr((kind, name, value)))
report('firmware', '', 'MicroPython %d.%d.%d' % sys.implementation.version[:3])
def names(thing):
    return sorted(dir(thing))
def works(text):
    try:
        exec(text, {'sys': sys})
        return ''
    except Exception as error:
        return type(error).__name__ + ': ' + str(error)
def module(name):
    try:
        thing = __import__(name)
        for part in name.split('.')[1:]:
            thing = getattr(thing, part)
    except Exception as error:
        report('absent', name, repr(error))
        return
    report('module', name, names(thing))
    for inner in names(thing):
        if inner.startswith('_') and name != 'builtins':
            continue
        try:
            value = getattr(thing, inner)
        except Exception:
            continue
        if isinstance(value, type):
            report('class', name + '.' + inner, names(value))
"""
_INSTANCES = """
import asyncio, array, hashlib, io, re, socket, struct, time
async def task():
    report('class', 'asyncio.Task', names(asyncio.current_task()))
    report('class', 'asyncio.Loop', names(asyncio.get_event_loop()))
asyncio.run(task())
def generator():
    yield 1
for name, thing in (
    ('array.array', array.array('i')),
    ('builtins.BaseException', Exception(1)),
    ('builtins.OSError', OSError(1)),
    ('builtins.StopIteration', StopIteration(1)),
    ('builtins.bytearray', bytearray()),
    ('builtins.bytes', b''),
    ('builtins.complex', 1j),
    ('builtins.dict', {}),
    ('builtins.float', 1.0),
    ('builtins.generator', generator()),
    ('builtins.int', 1),
    ('builtins.list', []),
    ('builtins.memoryview', memoryview(b'a')),
    ('builtins.range', range(3)),
    ('builtins.set', set()),
    ('builtins.str', ''),
    ('builtins.tuple', ()),
    ('hashlib._Hash', hashlib.sha256()),
    ('io.BytesIO', io.BytesIO()),
    ('io.StringIO', io.StringIO()),
    ('re.Match', re.match('a', 'a')),
    ('re.Pattern', re.compile('a')),
):
    report('instance', name, names(thing))
"""
# They run something when they are imported, or ask for a keyboard.
_LEFT_OUT = ("webrepl", "webrepl_setup", "mip", "upysh")


def program(port: str) -> str:
    """The program for MicroPython of this port; it prints lines that ``answers`` reads."""
    modules = sorted(MODULES[port] - set(_LEFT_OUT))
    lines = [_PROGRAM, *(f"module({name!r})" for name in modules), _INSTANCES]
    for kind, calls in (("keyword", KEYWORDS), ("operation", OPERATIONS)):
        lines += [f"report({kind!r}, {name!r}, works({text!r}))" for name, text in calls.items()]
    return "\n".join([*lines, f"print({_LAST!r})"]) + "\n"


def answers(lines: Iterable[str]) -> str:
    """The table of what a run of ``program`` has printed: one line per module, class or refusal."""
    found: dict[str, set[str]] = {}
    for line in lines:
        if not line.startswith("asked "):
            continue
        kind, name, value = ast.literal_eval(line.removeprefix("asked "))
        if kind in ("module", "class", "instance"):
            shown = (n for n in value if name == "builtins" or not n.startswith("__"))
            found.setdefault(f"{kind} {name}:", set()).update(shown)
        elif kind == "firmware":
            found[f"firmware {value}"] = set()
        elif kind in ("keyword", "operation") and value:
            found[f"refused {name}"] = set()
    return "\n".join(" ".join([key, *sorted(found[key])]) for key in sorted(found)) + "\n"


def ask_unix() -> str:
    """The table of this environment's MicroPython."""
    micropython = str(Path(sys.executable).with_name("micropython"))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "asked.py")
        file.write_text(program("unix"))
        command = [micropython, "-X", "heapsize=8M", str(file)]
        run = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=True)
    return answers(run.stdout.splitlines())


async def ask_rp2(folder: Path) -> str:
    """The table of the official Pico W firmware in the emulator; ``folder`` takes what it boots."""
    board = load_board("RPI_PICO_W")
    files = {"boot.py": b"", "main.py": program("rp2").encode()}
    packed = littlefs.pack(files, board.filesystem)
    uf2 = folder / "asked.uf2"
    uf2.write_bytes(flashable(board, firmware(board).read_bytes(), packed))
    lines: list[str] = []
    async with EmulatedBoard(uf2=uf2, log=lambda line: lines.append(line.text)) as running:
        await running.wait_line(_LAST, _WALL_S)
    return answers(lines)


def main(port: str) -> None:
    """Ask, and write the table."""
    with tempfile.TemporaryDirectory() as folder:
        table = ask_unix() if port == "unix" else asyncio.run(ask_rp2(Path(folder)))
    (TABLES / f"{port}.txt").write_text(_HEAD + table)


if __name__ == "__main__":
    main(sys.argv[1])
