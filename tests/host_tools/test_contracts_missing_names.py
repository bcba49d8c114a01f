"""The type check refuses what CPython has and the firmware lacks, and says what to write.

The tables that decide it are what MicroPython has answered: they are compared with it here.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.ask_firmware import KEYWORDS, TABLES, ask_unix
from tests.helpers.running import write_cluster
from torpor_tools.contracts import check_types, load_plan
from torpor_tools.contracts.firmware import Firmware, firmware, read_table
from torpor_tools.contracts.replacements import INSTEAD
from torpor_tools.contracts.stubs import stubs_dir
from torpor_tools.project import known_boards, load_board

SOURCE = """\
import array, asyncio, binascii, collections, hashlib, heapq, io, json, math, os, random, re, sys
import select, socket, struct, time
from torpor import Service


class A(Service):
    async def read(self) -> None:
        s, b, data, n, f = "text", b"bytes", bytearray(b"x"), 3, 1.5
        rows, table, pair, kinds = [1, 2], {{"a": 1}}, (1, 2), {{1, 2}}
        view, found, digest = memoryview(b), re.match("t", s), hashlib.sha256(b)
        assert found
        reader, writer = await asyncio.open_connection("x", 1)
        task = asyncio.create_task(self.read())
        {lines}
"""
FIRST = 14  # the line of the first mistake

# A line of a service, part of the message about it, and part of the remedy.
MISTAKES = [
    ("s.removeprefix('a')", "str has no removeprefix", "s.startswith(p)"),
    ("s.removesuffix('a')", "str has no removesuffix", "s.endswith(p)"),
    ("s.zfill(5)", "str has no zfill", "05d"),
    ("s.ljust(5)", "str has no ljust", "{s:<10}"),
    ("s.rjust(5)", "str has no rjust", "{s:>10}"),
    ("s.title()", "str has no title", "upper()"),
    ("s.capitalize()", "str has no capitalize", "upper()"),
    ("s.casefold()", "str has no casefold", "lower()"),
    ("s.swapcase()", "str has no swapcase", "lower()"),
    ("s.expandtabs()", "str has no expandtabs", "replace"),
    ("s.translate({})", "str has no translate", "replace"),
    ("s.format_map(table)", "str has no format_map", "format(**"),
    ("s.isalnum()", "str has no isalnum", "isdigit()"),
    ("s.isnumeric()", "str has no isnumeric", "isdigit()"),
    ("s.isdecimal()", "str has no isdecimal", "isdigit()"),
    ("s.isascii()", "str has no isascii", "ord(c)"),
    ("s.isidentifier()", "str has no isidentifier", "isalpha()"),
    ("s.isprintable()", "str has no isprintable", "all("),
    ("s.istitle()", "str has no istitle", "isupper()"),
    ("s.center(9, '-')", "str.center takes fewer", "replace"),
    ("s.split(maxsplit=1)", "str.split takes no maxsplit=", "by position"),
    ("s.split(sep=',')", "str.split takes no sep=", "by position"),
    ("s.rsplit(maxsplit=1)", "str.rsplit takes no maxsplit=", "by position"),
    ("s.encode(encoding='utf-8')", "str.encode takes no encoding=", "by position"),
    ("s[::-1]", "str has no slices with a step", "reversed(s)"),
    ("s[0:3:2]", "str has no slices with a step", "range("),
    ("b.zfill(3)", "bytes has no zfill", "pad"),
    ("b.removeprefix(b'x')", "bytes has no removeprefix", "startswith"),
    ("b.decode(encoding='utf-8')", "bytes.decode takes no encoding=", "by position"),
    ("b.split(maxsplit=1)", "bytes.split takes no maxsplit=", "by position"),
    ("b[::2]", "bytes has no slices with a step", "range("),
    ("data.pop()", "bytearray has no pop", "data[-1]"),
    ("data.insert(0, 1)", "bytearray has no insert", "data[i:i]"),
    ("data.clear()", "bytearray has no clear", "bytearray()"),
    ("data.decode(errors='strict')", "bytearray.decode takes no errors=", "by position"),
    ("del data[0]", "bytearray has no __delitem__", "cut it out"),
    ("data[::2]", "bytearray has no slices with a step", "range("),
    ("range(n).index(2)", "range has no index", "(x - start)"),
    ("range(n).count(2)", "range has no count", "x in r"),
    ("view.index(2)", "memoryview has no index", "bytes(view)"),
    ("array.array('B', b).count(2)", "array has no count", "list(a)"),
    ("array.array('B', b).index(2)", "array has no index", "list(a)"),
    ("collections.deque(rows, 3).index(1)", "deque has no index", "list(d)"),
    ("bytes(s, 'utf-8', errors='strict')", "bytes takes no errors=", "UnicodeError"),
    ("bytearray(s, 'utf-8', errors='strict')", "bytearray takes no errors=", "UnicodeError"),
    ("ValueError(1).__traceback__", "ValueError has no __traceback__", "print_exception"),
    ("OSError(1).__cause__", "OSError has no __cause__", "attribute of your own"),
    ("OSError(1).__context__", "OSError has no __context__", "attribute of your own"),
    ("(lambda: 1).__code__", "functions have no __code__", "variable of your own"),
    ("tuple(rows)[::-1]", "tuple has no slices with a step", "list(t)"),
    ("view[::2]", "memoryview has no slices with a step", "range("),
    ("view.tobytes()", "memoryview has no tobytes", "bytes(view)"),
    ("rows[::2] = [1]", "list takes no values for slices with a step", "range("),
    ("del rows[::2]", "list takes no values for slices with a step", "range("),
    ("table.keys() & {1}", "dict_keys is not a set", "set(d) & set(other)"),
    ("table.keys().isdisjoint(rows)", "dict_keys has no isdisjoint", "set(d)"),
    ("kinds.union([1], [2])", "set.union takes fewer than 2 arguments", "a | b"),
    ("kinds.intersection([1], [2])", "set.intersection takes fewer", "a & b"),
    ("n.bit_length()", "int has no bit_length", "bin(x)"),
    ("n.bit_count()", "int has no bit_count", "bin(x)"),
    ("n.real", "int has no real", "write it out"),
    ("f.is_integer()", "float has no is_integer", "int(x)"),
    ("f.hex()", "float has no hex", "struct.pack"),
    ("int('7', base=16)", "int takes no base=", "int("),
    ("n.to_bytes(2, byteorder='big')", "int.to_bytes takes no byteorder=", "by position"),
    ("int.from_bytes(b, byteorder='big')", "int.from_bytes takes no byteorder=", "by position"),
    ("round(f, ndigits=1)", "round takes no ndigits=", "round(x, 2)"),
    ("sum(rows, start=1)", "sum takes no start=", "sum(values, start)"),
    ("str(b, encoding='utf-8')", "str takes no encoding=", "by position"),
    ("bytes(s, encoding='utf-8')", "bytes takes no encoding=", 'bytes(text, "utf-8")'),
    ("bytearray(s, encoding='utf-8')", "bytearray takes no encoding=", "by position"),
    ("zip(rows, rows, strict=True)", "zip takes no strict=", "lengths"),
    ("print(s, flush=True)", "print takes no flush=", "leave it out"),
    ("open('x', newline='')", "open takes no newline=", '"rb"'),
    ("open('x', errors='ignore')", "open takes no errors=", "decode"),
    ("format(n, 'x')", "MicroPython has no format", '"{:.1f}".format(x)'),
    ("vars()", "MicroPython has no vars", "__dict__"),
    ("ascii(s)", "MicroPython has no ascii", "repr"),
    ("iter(lambda: 1, 2)", "iter takes fewer than 2 arguments", "loop"),
    ("TimeoutError", "MicroPython has no TimeoutError", "asyncio.TimeoutError"),
    ("ConnectionError", "MicroPython has no ConnectionError", "OSError"),
    ("FileNotFoundError", "MicroPython has no FileNotFoundError", "OSError"),
    ("PermissionError", "MicroPython has no PermissionError", "OSError"),
    ("IOError", "MicroPython has no IOError", "OSError"),
    ("OSError(1).strerror", "OSError has no strerror", "errno"),
    ("ValueError(1).add_note('x')", "ValueError has no add_note", "log it"),
    ("asyncio.timeout(3)", "MicroPython has no asyncio.timeout", "asyncio.wait_for"),
    ("asyncio.TaskGroup()", "MicroPython has no asyncio.TaskGroup", "asyncio.gather"),
    ("asyncio.Queue()", "MicroPython has no asyncio.Queue", "asyncio.Event"),
    ("asyncio.Semaphore(1)", "MicroPython has no asyncio.Semaphore", "asyncio.Lock"),
    ("asyncio.to_thread(print)", "MicroPython has no asyncio.to_thread", "small steps"),
    ("asyncio.get_running_loop()", "no asyncio.get_running_loop", "get_event_loop"),
    ("asyncio.iscoroutine(n)", "MicroPython has no asyncio.iscoroutine", "generator"),
    ("task.add_done_callback(print)", "Task has no add_done_callback", "await the task"),
    ("task.result()", "Task has no result", "await the task"),
    ("await reader.readuntil(b'x')", "StreamReader has no readuntil", "readline()"),
    ("writer.writelines([b])", "StreamWriter has no writelines", "write()"),
    ("time.perf_counter()", "MicroPython has no time.perf_counter", "ticks_us"),
    ("time.monotonic()", "MicroPython has no time.monotonic", "ticks_ms"),
    ("time.strftime('%Y')", "MicroPython has no time.strftime", "gmtime"),
    ("math.hypot(1, 2)", "MicroPython has no math.hypot", "sqrt"),
    ("math.prod(rows)", "MicroPython has no math.prod", "loop"),
    ("random.shuffle(rows)", "MicroPython has no random.shuffle", "randrange"),
    ("random.sample(rows, 1)", "MicroPython has no random.sample", "random.choice"),
    ("collections.defaultdict(list)", "no collections.defaultdict", "setdefault"),
    ("collections.Counter()", "MicroPython has no collections.Counter", "d.get"),
    ("collections.deque(rows, 3).rotate(1)", "deque has no rotate", "popleft"),
    ("collections.deque(rows, maxlen=3)", "collections.deque takes no maxlen=", "(), 20"),
    ("collections.deque(maxlen=3)", "collections.deque takes no maxlen=", "by position"),
    ("asyncio.create_task(self.read(), name='x')", "create_task takes no name=", "no names"),
    ("await asyncio.sleep(1, s)", "asyncio.sleep takes fewer than 2 arguments", "leave out"),
    ("re.I", "MicroPython has no re.I", "lower()"),
    ("re.match('a', s, re.IGNORECASE)", "MicroPython has no re.IGNORECASE", "lower()"),
    ("json.dumps(table, indent=1)", "json.dumps takes no indent=", "leave it out"),
    ("json.JSONDecodeError", "MicroPython has no json.JSONDecodeError", "ValueError"),
    ("re.findall('a', s)", "MicroPython has no re.findall", "search again"),
    ("re.fullmatch('a', s)", "MicroPython has no re.fullmatch", "$"),
    ("re.compile('a').finditer(s)", "Pattern has no finditer", "search again"),
    ("found.groupdict()", "Match has no groupdict", "group(1)"),
    ("digest.hexdigest()", "sha256 has no hexdigest", "hexlify"),
    ("struct.Struct('B')", "MicroPython has no struct.Struct", "struct.pack"),
    ("heapq.nlargest(1, rows)", "MicroPython has no heapq.nlargest", "sorted("),
    ("os.path", "MicroPython has no os.path", "os.stat"),
    ("os.environ", "MicroPython has no os.environ", "cluster.toml"),
    ("os.makedirs('x')", "MicroPython has no os.makedirs", "os.mkdir"),
    ("sys.exc_info()", "MicroPython has no sys.exc_info", "except E as error"),
    ("socket.create_connection(('x', 1))", "socket.create_connection", "open_connection"),
    ("array.array('B', b).tolist()", "array has no tolist", "list(a)"),
]

# What looks alike and is there.
FINE = [
    "s.split(',', 1); s.center(9); s.replace('a', 'b', 1); s.startswith(('a', 'b')); s[1:]",
    "s[-1]; s.partition('='); s.splitlines(); s.find('a', 1); s.format(1, x=2); '%d' % n",
    "s.encode('utf-8'); ''.join(reversed(s)); ''.join(c for c in s); s.join(['a'])",
    "str(b, 'utf-8'); bytes(s, 'utf-8'); b.hex(); b.hex(':'); bytes.fromhex('00'); b[1:]",
    "b'%d' % n; b.decode(); data[0:1] = b'x'; data.append(1); data.extend(b); data[0] = 1",
    "bytes(data); data += b; len(view); view[1:]; rows[::-1]; rows[::2]",
    "rows.sort(key=None, reverse=True); rows += (3,); rows.pop(); rows.copy()",
    "table.get('a', 3); table.setdefault('a', 3); table.pop('a', 0); table.update(x=1)",
    "table | table; sorted(table.keys()); len(table.keys()); 'a' in table.keys()",
    "dict(table.items()); list(table); kinds & {1}; kinds.update([1], [2])",
    "kinds.difference([1], [2]); frozenset(rows); kinds ^ {1}; int('7', 16)",
    "n.to_bytes(2, 'big'); int.from_bytes(b, 'big'); round(f, 1); pow(2, 3); divmod(f, 1)",
    "sum(rows, 1); max(rows, default=3); min(1, 2, key=abs)",
    "sorted(rows, key=abs, reverse=True); list(enumerate(rows, start=1))",
    "list(zip(rows, rows)); list(map(str, rows)); any(rows); all(rows)",
    "print(s, n, sep='', end=''); open('x', 'rb', encoding='utf-8')",
    "isinstance(n, (int, str)); hash(s); OSError(1).errno; OSError(1).args",
    "Exception('x').args; StopIteration(3).value; repr(n); bin(n)",
    "await asyncio.wait_for(self.read(), 3); await asyncio.gather(task, task)",
    "await asyncio.sleep_ms(3); task.cancel(); task.done(); asyncio.current_task()",
    "asyncio.get_event_loop().create_task(self.read()); asyncio.Event().set()",
    "asyncio.Lock().locked(); asyncio.ThreadSafeFlag(); asyncio.TimeoutError; writer.write(b)",
    "await writer.drain(); await reader.read(3); await reader.readline(); time.ticks_ms()",
    "time.ticks_diff(1, 2); time.time(); time.gmtime(0); time.sleep_ms(1); math.sqrt(f)",
    "math.isclose(1, 2); random.choice(rows); random.randint(1, 2); random.uniform(0, 1)",
    "collections.OrderedDict(); collections.deque(rows, 3).append(1)",
    "collections.namedtuple('A', 'a b'); json.dumps(table, separators=(',', ':'))",
    "json.loads('1'); re.search('a', s); found.group(0); re.compile('a').split(s)",
    "re.sub('a', 'b', s); digest.digest(); binascii.hexlify(b); io.StringIO()",
    "struct.pack('B', 1); struct.unpack_from('B', b, 0); heapq.heappush(rows, 1)",
    "array.array('B', b)[0]; os.listdir('/'); os.stat('/'); os.urandom(3)",
    "sys.print_exception(ValueError(1)); select.poll()",
    "s[::1]; s[1:2:1]; b[::1]; data[::1]; view[::1]; pair[::1]; rows[::1]; (1, 2)[::1]; s[::None]",
    "rows[::1] = [1]; del rows[::1]; random.choice(range(3)); pair.index(1); b.index(b'y')",
    "list(range(9)[::2]); 2 in range(3); collections.deque(range(3), 3); s.index('e')",
]


def write(root: Path, lines: list[str], board: str = "RPI_PICO_W") -> Path:
    return write_cluster(root, {"a": SOURCE.format(lines="\n        ".join(lines))}, board)


@pytest.mark.parametrize("board", ["RPI_PICO_W", "ESP32_GENERIC", "UNIX"])
def test_names_that_the_firmware_lacks_are_refused(tmp_path: Path, board: str) -> None:
    unix_has = ("sys.exc_info", "_bytes(2, byteorder") if board == "UNIX" else ()
    mistakes = [m for m in MISTAKES if not any(text in m[0] for text in unix_has)]
    problems = check_types(load_plan(write(tmp_path, [m[0] for m in mistakes], board)))
    by_line: dict[int, list[str]] = {}
    for problem in problems:
        assert problem.where
        by_line.setdefault(problem.where.line, []).append(str(problem))
    for number, (line, what, remedy) in enumerate(mistakes, FIRST):
        shown = [text for text in by_line.pop(number, []) if "Value of type" not in text]
        assert len(shown) == 1, (line, shown)
        assert what in shown[0], (line, shown)
        assert remedy in shown[0].partition("\n")[2], (line, shown)
    assert not by_line


@pytest.mark.parametrize("board", known_boards())
def test_names_that_it_has_are_accepted(tmp_path: Path, board: str) -> None:
    assert [str(p) for p in check_types(load_plan(write(tmp_path, FINE, board)))] == []


def test_the_fine_lines_run_in_micropython(tmp_path: Path) -> None:
    """So that the list above holds nothing that only mypy accepts."""
    head = SOURCE.partition("from torpor")[0]
    setup = SOURCE[SOURCE.index("        s, b") : SOURCE.index("        assert found")]
    needs_a_board = ("current_task", "await ", "self.", "task.", "reader.", "writer.")
    lines = [
        statement.strip()
        for line in FINE
        for statement in line.split("; ")
        if not any(word in statement for word in needs_a_board)
    ]
    code = "\n".join(line.strip() for line in setup.format().splitlines())
    text = f"{head}open('x', 'w').close()\n{code}\n" + "\n".join(lines)
    (tmp_path / "fine.py").write_text(text)
    micropython = str(Path(sys.executable).with_name("micropython"))
    run = subprocess.run([micropython, "fine.py"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_mistakes_fail_in_micropython(tmp_path: Path) -> None:
    head = SOURCE.partition("from torpor")[0]
    setup = SOURCE[SOURCE.index("        s, b") : SOURCE.index("        assert found")]
    code = "\n".join(line.strip() for line in setup.format().splitlines())
    unix_has = ("sys.exc_info", "_bytes(2, byteorder")
    lines = [
        line
        for line, _, _ in MISTAKES
        if not any(word in line for word in ("await ", "task.", "writer.", *unix_has))
    ]
    text = f"{head}open('x', 'w').close()\n{code}\n" + "\n".join(
        f"try:\n    {line}\n    print({line!r})\nexcept Exception:\n    pass" for line in lines
    )
    (tmp_path / "lacks.py").write_text(text)
    micropython = str(Path(sys.executable).with_name("micropython"))
    run = subprocess.run([micropython, "lacks.py"], cwd=tmp_path, capture_output=True, text=True)
    assert (run.returncode, run.stdout) == (0, ""), run.stdout + run.stderr


def test_the_table_of_unix_matches_micropython() -> None:
    assert read_table(ask_unix()) == read_table(
        (TABLES / "unix.txt").read_text().partition("\n")[2]
    )


def test_remedies_are_for_missing_names() -> None:
    """A remedy for something that the firmware has would never be shown."""
    for key in INSTEAD:
        name, dot, member = key.partition(".")
        if "(" in key or "/" in key or "[" in key or member in "&|-^":
            continue
        assert any(_lacks(firmware(port), name, dot, member) for port in ("rp2", "unix")), key


def _lacks(has: Firmware, name: str, dot: str, member: str) -> bool:
    if not dot:
        return name not in has.modules["builtins"]
    if name in has.modules:
        return member not in has.modules[name]
    kinds = [*has.members.items(), *has.instances.items()]
    return not any(member in names for kind, names in kinds if kind.endswith(f".{name}"))


def test_every_keyword_argument_was_tested(tmp_path: Path) -> None:
    """MicroPython was asked about every argument that the builtins' stub takes by name."""
    stub = stubs_dir(load_board("RPI_PICO_W")) / "stdlib" / "builtins.pyi"
    tree = ast.parse(stub.read_text())
    unasked = set()
    for cls in [None, *(n for n in tree.body if isinstance(n, ast.ClassDef))]:
        body = tree.body if cls is None else cls.body
        for node in body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                bound = cls is not None and "staticmethod" not in ast.unparse(node)
                names = [a.arg for a in [*node.args.args, *node.args.kwonlyargs]]
                names = [n for n in names if n not in ("self", "cls")] if bound else names
                owner = f"{cls.name}." if cls else ""
                unasked |= {f"{owner}{node.name}({name})" for name in names}
    like = {key.replace("bytearray", "bytes") for key in unasked}
    assert like - KEYWORDS.keys() == set(), like - KEYWORDS.keys()
