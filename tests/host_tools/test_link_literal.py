"""Values written as source."""

from __future__ import annotations

import ast
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torpor_tools.link.literal import Code, literal

_toml = st.recursive(
    st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=30,
)


@given(_toml)
def test_written_values_are_read_back(value: object) -> None:
    assert ast.literal_eval(literal(value)) == value


@given(_toml)
def test_it_breaks_lines_only_for_readability(value: object) -> None:
    text = literal(value, indent=4, column=90)
    assert ast.literal_eval(text) == value


def test_short_values_stay_on_a_line() -> None:
    assert literal({"pin": 22, "on": (True, None), "é": 'a"b'}) == (
        '{"pin": 22, "on": (True, None), "é": "a\\"b"}'
    )


def test_a_long_one_has_a_line_for_each_element() -> None:
    value = {"probes": ["x" * 30, "y" * 30], "pin": 22, "names": ("z" * 30,)}
    assert literal(value, indent=4) == (
        "{\n"
        f'        "probes": ["{"x" * 30}", "{"y" * 30}"],\n'
        '        "pin": 22,\n'
        f'        "names": ("{"z" * 30}",),\n'
        "    }"
    )


def test_code_stands_for_itself() -> None:
    assert literal({"/GET": Code("get_it")}) == '{"/GET": get_it}'


def test_numbers_that_have_no_literal() -> None:
    assert literal([float("inf"), float("-inf")]) == '[float("inf"), float("-inf")]'


def test_other_types_are_refused() -> None:
    with pytest.raises(TypeError):
        literal({"since": [date(2026, 11, 24)]})
