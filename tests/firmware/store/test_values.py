"""Values that would come back unchanged are stored; others are refused, with their path."""

from __future__ import annotations

from pathlib import Path

from tests.firmware.store.conftest import Run

# Expressions of MicroPython, and what the message must contain.
REFUSED = {
    "{'n': {1}}": 'row["n"] is a set',
    "{'n': set()}": 'row["n"] is a set',
    "{'n': frozenset([1])}": 'row["n"] is a frozenset',
    "{'a': [1, {'b': [2, b'ab']}]}": 'row["a"][1]["b"][1] is a bytes',
    "{'n': bytearray(b'ab')}": 'row["n"] is a bytearray',
    "{'n': memoryview(b'ab')}": 'row["n"] is a memoryview',
    "{'n': array('i', [1])}": 'row["n"] is an array',
    "{'n': range(3)}": 'row["n"] is a range',
    "{'at': (1, 2)}": 'row["at"] is a tuple',
    "{'at': Point(1, 2)}": 'row["at"] is a Point',
    "{'n': OrderedDict()}": 'row["n"] is an OrderedDict',
    "{'n': Sub({'a': 1})}": 'row["n"] is a Sub',
    "{'n': Sub}": 'row["n"] is a type',
    "{'n': Sub.__init__}": 'row["n"] is a',
    "{'n': object()}": 'row["n"] is an object',
    "{'n': 1j}": 'row["n"] is a complex',
    "{'n': 1e999}": 'row["n"] is inf',
    "{'n': [0, -1e999]}": 'row["n"][1] is -inf',
    "{'n': {'x': float('nan')}}": 'row["n"]["x"] is nan',
    "{'n': 1 << 63}": 'row["n"] has more than 64 bits',
    "{'n': [-(1 << 63) - 1]}": 'row["n"][0] has more than 64 bits',
    "{'n': 1 << 500_000}": 'row["n"] has more than 64 bits',
    "{1: 2}": "row has a key that is an int",
    "{'a': {None: 2}}": 'row["a"] has a key that is None',
    "{'a': [{True: 2}]}": 'row["a"][0] has a key that is a bool',
    "{b'k': 2}": "row has a key that is a bytes",
    "{('a', 'b'): 2}": "row has a key that is a tuple",
    r"{'n': '\ud83d'}": 'row["n"] is not UTF-8',
    r"{'n': 'a\ude00'}": 'row["n"] is not UTF-8',
    r"{'n': '\ud83d\ude00'}": 'row["n"] is not UTF-8',
    r"{'\ud83d': 1}": 'row["?"] has a key that is not UTF-8',
    r"{'n': str(b'\xc0\xaf', 'utf-8')}": 'row["n"] is not UTF-8',
    r"{'n': str(b'\xe0\x80\xaf', 'utf-8')}": 'row["n"] is not UTF-8',
    r"{'n': str(b'\xf7\xbf\xbf\xbf', 'utf-8')}": 'row["n"] is not UTF-8',
    "[1]": "the row is a list",
    "[]": "the row is a list",
    "()": "the row is a tuple",
    "5": "the row is an int",
    "'text'": "the row is a str",
    "{1}": "the row is a set",
    "True": "the row is a bool",
    "{'n': ...}": 'row["n"] is an Ellipsis',
    "deep(17, {'n': 1})": "is deeper than 16 levels",
    "{'d': " + "[" * 16 + "1" + "]" * 16 + "}": "is deeper than 16 levels",
    "deep(17)": "is deeper than 16 levels",
    "ring()": "is deeper than 16 levels",
}
KEPT = [
    "{}",
    "{'': ''}",
    "{'a': [], 'b': {}, 'c': [[], {}, [[]]]}",
    "{'a': [True, False, None, 0, -1, 1.5, -0.0, 1e300, 0.1]}",
    r"{'a': 'é€😀 \x00\x1e\x7f\"\\ \ud7ff \ue000', 'ß': 'ß'}",
    "{'n': [1 << 30, -1 << 31, 1 << 62, (1 << 63) - 1, -1 << 63]}",
    "{'d': deep(15)}",
    "deep(16, {'n': 1})",
    "{'d': " + "[" * 15 + "1" + "]" * 15 + "}",
    "{'t': 'x' * 2040}",
    "{'l': [0] * 1000}",
    "{'l': [''] * 600}",
]
# A row has up to 2,048 bytes of JSON; a larger one is not serialised at all.
TOO_LONG = [
    "{'t': 'x' * 2041}",
    "{'t': 'x' * 200_000}",
    "{'t': 'é' * 1100}",
    r"{'t': '\x00' * 400}",
    "{'x' * 200_000: 1}",
    "{'l': [None] * 200_000}",
    "{'l': [0] * 1022}",
    "dict((str(n), n) for n in range(2000))",
    "{'l': wide()}",
]
HELPERS = """
    from array import array
    from collections import OrderedDict, namedtuple

    Point = namedtuple("Point", ("x", "y"))

    class Sub(dict):
        def __init__(self, *args):
            super().__init__(*args)

    def deep(levels, value={}):
        for _ in range(levels - 1):
            value = {"d": value}
        return value

    def ring():
        value = {}
        value["d"] = value
        return value

    def wide():
        value = [1]
        for _ in range(12):
            value = [value, value]
        return value

    names = {"array": array, "OrderedDict": OrderedDict, "Point": Point, "Sub": Sub, "deep": deep}
    names.update({"ring": ring, "wide": wide})
    table = Store("a", DATA).table("t")
"""


def test_values_that_come_back_unchanged(run: Run) -> None:
    run(
        HELPERS
        + f"""
    for key, source in enumerate({KEPT!r}):
        row = eval(source, names)
        await table.put(key, row)
        found = await table.get(key)
        assert found == row and type(found) is dict, source
        assert [type(found[name]) for name in row] == [type(value) for value in row.values()]
    again = Store("a", DATA).table("t")
    for key, source in enumerate({KEPT!r}):
        assert await again.get(key) == eval(source, names), source
    """
    )


def test_other_values_are_refused_with_their_path(run: Run) -> None:
    out = run(
        HELPERS
        + f"""
    for source, words in {REFUSED!r}.items():
        row = eval(source, names)
        for work in (table.put(1, row), table.append(row), table.add(row)):
            message = await refused(400, work)
            assert words in message and message.startswith("t: "), (source, message)
            assert len(message) < 250, message
        print(message)
    await refused(400, table.append(None))
    await refused(400, table.add(None))
    assert await table.count() == 0
    assert table.store.commits == 0
    """
    )
    assert "store a list" in out


def test_a_too_long_row_is_not_serialised(run: Run) -> None:
    run(
        HELPERS
        + f"""
    import gc
    for source in {TOO_LONG!r}:
        row = eval(source, names)
        gc.collect()
        before = gc.mem_alloc()
        gc.disable()
        message = await refused(413, table.put(1, row))
        most = gc.mem_alloc() - before
        gc.enable()
        assert "2048 bytes" in message, message
        assert most < 120_000, (source, most)  # garbage; the row itself is larger
    assert table.store.commits == 0
    """,
        heap="8m",
    )


def test_keys(run: Run) -> None:
    run(
        r"""
    numbers, texts = Store("a", DATA).table("t"), Store("b", DATA).table("u")
    for key in (True, 1.0, None, (1,), b"k", 1 << 63, -(1 << 63) - 1, 1 << 100_000):
        message = await refused(400, numbers.put(key, {}))
        assert len(message) < 200, message
    overlong = str(b"\xc0\xaf", "utf-8")
    for key in ("", "x" * 65, "é" * 33, "\ud83d", "a\udc00", overlong, "x" * 100_000):
        message = await refused(400, texts.put(key, {}))
        assert len(message) < 250, message
        message.encode().decode()
    for key in ("é" * 32, "\ud7ff", "😀", "\x00", "a,\n\x1e"):
        await texts.put(key, {"k": key})
    for key in ((1 << 63) - 1, -(1 << 63), 0):
        await numbers.put(key, {"k": key})
    for name, table in (("a", "t"), ("b", "u")):
        async for key, row in Store(name, DATA).table(table).scan():
            assert row["k"] == key
    await refused(400, numbers.put("x", {}))
    await refused(400, numbers.delete("x"))
    await refused(400, texts.put(1, {}))
    await refused(400, numbers.append({}))  # there is no key above the last
    """
    )


def test_a_new_table_does_not_accept_keys_of_both_types(run: Run) -> None:
    run(
        """
    for first, second in ((1, "x"), ("x", 1)):
        table = Store("a", DATA).table("t%s" % first)
        async def both():
            async with table.store.batch():
                await table.put(first, {})
                await table.put(second, {})
        message = await refused(400, both())
        assert "all int" in message
        assert await Store("a", DATA).table("t%s" % first).count() == 0
        await table.put(first, {})
        assert await Store("a", DATA).table("t%s" % first).count() == 1
    """
    )


INDEXED = """
    sys.path.insert(0, {modules!r})
    from torpor.store import migrate, secondary

    def opened(n):
        names = ("0001_one", "0002_two", "0003_three")
        return migrate.opened("idx", names[:n], secondary, DATA)
"""


def migrations(folder: Path, *sources: str) -> str:
    for package in ("services", "services/idx", "services/idx/migrations"):
        (folder / package).mkdir(exist_ok=True)
        (folder / package / "__init__.py").touch()
    for name, source in zip(("0001_one", "0002_two", "0003_three"), sources, strict=False):
        path = folder / "services" / "idx" / "migrations" / f"{name}.py"
        path.write_text(f"def up(db):\n    {source}\n")
    return INDEXED.format(modules=str(folder))


def test_the_value_of_an_indexed_field(run: Run, tmp_path: Path) -> None:
    run(
        migrations(tmp_path, "db.index('t', 'v')")
        + r"""
    table = opened(1).table("t")
    for value in ("x" * 90, "x" * 1500, {"a": 1}, [1], "a\x7fb"):
        assert "an index cannot hold" in await refused(400, table.put(1, {"v": value})), value
    await refused(400, table.put(-1, {"v": 1}))
    await refused(400, table.put(1, {"v": {1}}))
    assert await table.count() == 0
    kept = ["x" * 80, "é", 1, 1.5, True, None, "", 1 << 60]
    for key, value in enumerate(kept):
        for n in range(40):  # enough that compaction splits the index into several leaves
            await table.put(key * 100 + n, {"v": value, "n": n})
    table = opened(1).table("t")
    for key, value in enumerate(kept):
        found = []
        async for number, row in table.where("v", value):
            found.append(number)
        assert found == list(range(key * 100, key * 100 + 40)), value
    """
    )


def test_a_migration(run: Run, tmp_path: Path) -> None:
    bad = {
        "db.put('t', 5, {'n': {1}})": '400 t: row["n"] is a set',
        "db.put('t', 'x', {})": "400 t: no key",
        "db.put('t', 5, None)": "400 t: the row is",
        "db.delete('t', 'x')": "400 t: no key",
        "db.fill('t', [(5, {'n': b'ab'})])": 'row["n"] is a bytes',
        "db.fill('u', [(5, {}), ('x', {})])": "400 u: no key",
        "db.fill('t', [(5, [1])])": "the row is a list",
        "db.rewrite('t', lambda row: {1: row})": "row has a key that is an int",
        "db.rewrite('t', lambda row: {'t': 'x' * 3000})": "413 t: a row has at most 2048 bytes",
        "db.index('t', 'list')": "an index cannot hold",
    }
    for source, words in bad.items():
        run(
            migrations(tmp_path, "db.put('t', 1, {'n': 1, 'list': [1]})", source)
            + f"""
    assert await opened(1).table("t").count() == 1
    try:
        opened(2)
    except RuntimeError as error:
        assert {words!r} in str(error), error
    else:
        raise AssertionError("it ran")
    assert await rows(opened(1).table("t")) == [(1, {{"n": 1, "list": [1]}})]
    """
        )


STATE = """
    import torpor

    class Port:  # of a chip without RTC memory
        RTC_BYTES = 0

    sys.modules["torpor.port"] = torpor.port = Port
    from torpor.store import state
    state._FOLDER, state._FILE = DATA, DATA + "/state"

    def restarted():
        state._states.clear()
        state._saved.clear()
        return state.of("one", 100), state.of("two", 100)
"""


def test_a_state(run: Run) -> None:
    run(
        STATE
        + r"""
    one, two = restarted()
    one["n"], two["n"] = 1, [2, {"x": "é"}]
    one.commit()
    for value, words in (
        ({1}, 'state["n"] is a set'),
        ([b"ab"], 'state["n"][0] is a bytes'),
        ((1,), 'state["n"] is a tuple'),
        ({1: 2}, 'state["n"] has a key that is an int'),
        (1e999, 'state["n"] is inf'),
        ("\ud83d", 'state["n"] is not UTF-8'),
        ("x" * 100, "a state has at most 100 bytes"),
        (["x"] * 100_000, "a state has at most 100 bytes"),
    ):
        one["n"] = value
        try:
            one.commit()
        except ValueError as error:
            assert words in str(error) and "one: " in str(error), error
        else:
            raise AssertionError(words)
        two["n"] = len(words)
        two.commit()  # the mistake of another state does not matter
        state.keep()  # and no mistake keeps a board from sleeping
        one, two = restarted()
        assert (one, two) == ({"n": 1}, {"n": len(words)}), (one, two)
    one[5] = 1
    try:
        one.commit()
    except ValueError as error:
        assert "state has a key that is an int" in str(error), error
    else:
        raise AssertionError
    """
    )
