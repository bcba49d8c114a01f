"""docs/internals/states.md shows the states of the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from torpor_tools.paths import firmware_dir

ROOT = Path(__file__).parents[2]
RUNTIME = firmware_dir() / "torpor"
BUDGET, MAILBOX = re.split(r"^## ", (ROOT / "docs/internals/states.md").read_text(), flags=re.M)[1:]
OF_CONNECTIONS = ("http/listener.py", "rpc/serve.py", "rpc/client.py")


def tables(text: str) -> list[list[list[str]]]:
    """Return the Markdown tables of a text: rows of cells, without the two lines on top."""
    blocks = re.findall(r"(?:^\|.*\n)+", text, flags=re.M)
    return [
        [
            [cell.strip(" `") for cell in line.strip("|").split("|")]
            for line in block.splitlines()[2:]
        ]
        for block in blocks
    ]


def constants(file: str) -> dict[str, object]:
    """Return the constants at the top of a module: ``NAME = const(1)`` and tuples of numbers."""
    values: dict[str, object] = {}
    for node in ast.parse((RUNTIME / file).read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            if isinstance(value, ast.Call) and getattr(value.func, "id", "") == "const":
                value = value.args[0]
            if isinstance(value, ast.Tuple) or (
                isinstance(value, ast.Constant) and type(value.value) is int
            ):
                with suppress(ValueError):
                    values[node.targets[0].id] = ast.literal_eval(value)
    return values


def assignments(file: str, attribute: str) -> Iterator[tuple[str, str]]:
    """Return the places that set a state: the function or class, and the state."""

    def walk(node: ast.AST, inside: str) -> Iterator[tuple[str, str]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                yield from walk(child, child.name)
                continue
            if isinstance(child, ast.Assign):
                target = child.targets[0]
                name = getattr(target, "attr", getattr(target, "id", ""))
                if name == attribute:
                    for value in ast.walk(child.value):
                        if isinstance(value, ast.Name) and value.id.isupper():
                            yield inside, value.id.strip("_")
            yield from walk(child, inside)

    return walk(ast.parse((RUNTIME / file).read_text()), "")


def drawn(text: str) -> set[tuple[str, str]]:
    """Return the arrows of a diagram."""
    return set(re.findall(r"^ +(\S+) --> (\S+?)(?::|$)", text, flags=re.M))


def number(cell: str) -> int | None:
    found = re.search(r"\d+", cell)
    return int(found[0]) if found else None


def test_connections_have_the_documented_states_and_times() -> None:
    code = constants("http/budget.py")
    states, _ = tables(BUDGET)
    assert {row[0]: int(row[1]) for row in states} == {
        name: value for name, value in code.items() if not name.startswith("_")
    }
    evicted = [*code["_GIVES_WAY_MS"], None, None]  # type: ignore[misc]
    assert [number(row[3]) for row in states] == evicted
    idle, read, write = (code[name] for name in ("_IDLE_MS", "_READ_MS", "_WRITE_MS"))
    limit = re.search(r"deadline_ms = (\d+)", (RUNTIME / "http/listener.py").read_text())
    assert limit
    assert [number(row[4]) for row in states] == [idle, idle, read, write, write, int(limit[1])]


def test_a_link_has_the_numbers_of_the_budget() -> None:
    budget, client = constants("http/budget.py"), constants("rpc/client.py")
    assert (client["_IDLE"], client["_SERVING"]) == (budget["IDLE"], budget["SERVING"])


def test_connections_change_their_states_where_documented() -> None:
    _, events = tables(BUDGET)
    code = {
        (f"{f} {inside}", state)
        for f in OF_CONNECTIONS
        for inside, state in assignments(f, "state")
    }
    assert {(row[2], row[1]) for row in events} == code


def test_the_mailbox_has_the_documented_states() -> None:
    states, events = tables(MAILBOX)
    code = constants("mqtt/mailbox.py")
    assert {row[0]: int(row[1]) for row in states} == {
        name: value for name, value in code.items() if not name.startswith("_")
    }
    times = [code[f"_{n}_MS"] for n in ("CONNECT", "DRAIN", "SETTLE", "EXECUTE", "CLOSE")]
    assert [number(row[3]) for row in states] == [*times, None]
    set_in = set(assignments("mqtt/mailbox.py", "_state"))
    assert {(row[2], row[1]) for row in events} == set_in


@pytest.mark.parametrize("text", [BUDGET, MAILBOX], ids=["connection", "mailbox"])
def test_the_diagram_has_the_states_of_the_table(text: str) -> None:
    states, events = tables(text)
    names = {row[0] for row in states}
    assert {state for arrow in drawn(text) for state in arrow} - {"[*]"} == names
    assert {after for _, after in drawn(text)} - {"[*]"} == {row[1] for row in events}
