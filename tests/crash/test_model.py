"""After any operations, restarts and power cuts the store has the content of plain dicts."""

from __future__ import annotations

import atexit
import json
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from tests.crash.compiled import MICROPYTHON, compiled

PROGRAM = Path(__file__).parent / "device" / "model.py"
KEEP = 30
Row = dict[str, Any]
Write = tuple[str, int | str, Row | None]

NUMBERS = st.integers(-40, 40) | st.sampled_from([-(2**63), 2**63 - 1, 2**31])
TEXTS = st.sampled_from(["a", "b", "ä", "k,\n", 'k"', "z" * 60]) | st.integers(0, 30).map(str)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**29), 2**29) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)
ROWS = st.dictionaries(st.text(max_size=5), VALUES, max_size=4) | st.fixed_dictionaries(
    {"long": st.integers(1, 400).map(lambda n: "x" * n)}
)
WRITES = st.one_of(
    st.tuples(st.just("num"), NUMBERS, st.none() | ROWS),
    st.tuples(st.just("kv"), TEXTS, st.none() | ROWS),
)


@cache
def firmware() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="torpor-model-")
    atexit.register(folder.cleanup)
    return compiled(Path(folder.name))


class StoreMachine(RuleBasedStateMachine):
    """A store in MicroPython next to dicts; an operation may find that the power was cut."""

    def __init__(self) -> None:
        super().__init__()
        self.process = subprocess.Popen(
            [MICROPYTHON, "-X", "heapsize=3m", str(PROGRAM), str(firmware())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.tables: dict[str, dict[Any, Row]] = {"num": {}, "kv": {}, "log": {}}
        self.last = 0  # key of the log

    def teardown(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        status = self.process.wait(30)
        self.process.stdout.close()
        assert status == 0

    def ask(self, do: str, **given: Any) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps({"do": do, **given}, ensure_ascii=False) + "\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("> "):
                return json.loads(line[2:])
        raise AssertionError("the store has crashed")

    def change(self, expected: list[Write], do: str, **given: Any) -> None:
        """Do an operation that does ``expected`` to the model, unless the power is cut first."""
        answer = self.ask(do, **given)
        if "value" in answer:
            self.apply(expected)
        elif "cut" in answer:
            before = self.dump()
            if not self.holds(before):
                self.apply(expected)
                assert self.holds(before), "neither the old state nor the new one"
            self.tables["log"] = before["log"]
            self.last = max(before["log"], default=0)
        else:
            raise AssertionError(answer)

    def apply(self, writes: list[Write]) -> None:
        for table, key, row in writes:
            if row is None:
                self.tables[table].pop(key, None)
            else:
                self.tables[table][key] = row
            if table == "log":
                self.last = int(key)

    def dump(self) -> dict[str, dict[Any, Row]]:
        found = {}
        for table in self.tables:
            answer = self.ask("scan", table=table)
            if "cut" in answer:
                return self.dump()
            keys = [key for key, _ in answer["value"]]
            assert keys == sorted(set(keys))
            found[table] = dict(answer["value"])
        return found

    def holds(self, found: dict[str, dict[Any, Row]]) -> bool:
        log, model = found["log"], self.tables["log"]
        newest = sorted(model)[-KEEP:]
        kept = all(key in log for key in newest) and all(model.get(k) == r for k, r in log.items())
        return kept and found["num"] == self.tables["num"] and found["kv"] == self.tables["kv"]

    @rule(write=WRITES)
    def put(self, write: Write) -> None:
        table, key, row = write
        self.change([write], "put", table=table, key=key, row=row)

    @rule(row=ROWS)
    def append(self, row: Row) -> None:
        self.change([("log", self.last + 1, row)], "append", table="log", row=row)

    @rule(writes=st.lists(WRITES, max_size=8))
    def batch(self, writes: list[Write]) -> None:
        self.change(writes, "batch", writes=writes)

    @rule(rows=st.lists(ROWS, min_size=10, max_size=40))
    def many(self, rows: list[Row]) -> None:
        for row in rows:
            self.append(row)

    @rule(key=NUMBERS)
    def prune(self, key: int) -> None:
        gone: list[Write] = [("num", k, None) for k in self.tables["num"] if k < key]
        answer = self.ask("prune", table="num", key=key)
        if "value" in answer:
            self.apply(gone)
            return
        found = self.dump()  # rows are removed one by one: some may be gone
        for _, k, _ in gone:
            if k not in found["num"]:
                del self.tables["num"][k]
        self.tables["log"] = found["log"]
        self.last = max(found["log"], default=0)
        assert self.holds(found)

    @rule(row=ROWS, flush=st.booleans())
    def lazy(self, row: Row, flush: bool) -> None:
        # Disturbs the commits of the others; its content after a cut is not checked.
        for do in ("append", *["flush"] * flush):
            self.change([], do, table="lazy", row=row)

    @rule(table=st.sampled_from(["num", "kv"]), key=NUMBERS | TEXTS)
    def get(self, table: str, key: int | str) -> None:
        if isinstance(key, int) == (table == "num"):
            answer = self.ask("get", table=table, key=key)
            assert "cut" in answer or answer["value"] == self.tables[table].get(key)

    @rule(low=NUMBERS, high=NUMBERS, newest=st.booleans(), limit=st.none() | st.integers(0, 9))
    def scan(self, low: int, high: int, newest: bool, limit: int | None) -> None:
        answer = self.ask("scan", table="num", since=low, until=high, newest=newest, limit=limit)
        if "value" in answer:
            keys = sorted((k for k in self.tables["num"] if low <= k < high), reverse=newest)
            expected = [[key, self.tables["num"][key]] for key in keys]
            assert answer["value"] == (expected if limit is None else expected[:limit])

    @rule(table=st.sampled_from(["num", "kv"]))
    def count(self, table: str) -> None:
        answer = self.ask("count", table=table)
        assert "cut" in answer or answer["value"] == len(self.tables[table])

    @rule()
    def restart(self) -> None:
        self.ask("restart")
        found = self.dump()
        assert self.holds(found)
        self.last = max(found["log"], default=0)

    @rule(after=st.integers(1, 60))
    def cut(self, after: int) -> None:
        self.ask("cut", after=after)


def explore(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_store_behaves_like_dicts() -> None:
    explore(12, 50)


@pytest.mark.soak
def test_the_store_behaves_like_dicts_in_100000_steps() -> None:
    explore(1000, 100)
