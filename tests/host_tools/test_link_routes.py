"""Route trees and binders."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.host_tools.small_plans import NOWHERE, argument, method
from torpor_tools.link.routes import Binder, binders, tree
from torpor_tools.model.contract import Contract, Method


def contract(*methods: Method) -> Contract:
    return Contract("alerts", "Alerts", NOWHERE, methods, ())


def routes(*paths: str) -> dict[str, Any]:
    """Return the tree of methods m0, m1, ... that have one route each."""
    return tree(binders(contract(*(method(f"m{i}", path) for i, path in enumerate(paths)))))


def binder(*arguments: Any, path: str = "POST /a/<id>") -> Binder:
    return binders(contract(method("m", path, arguments=arguments)))[0]


def test_a_level_for_each_segment_and_a_star_for_a_parameter() -> None:
    assert routes("GET /alerts/<id>", "POST /alerts/<id>/acknowledge", "GET /") == {
        "alerts": {"*": {"/GET": "m0", "acknowledge": {"/POST": "m1"}}},
        "": {"/GET": "m2"},
    }


def test_a_fixed_segment_also_has_the_routes_of_a_parameter_next_to_it() -> None:
    assert routes("GET /a/<id>", "POST /a/<id>/b", "GET /a/all", "GET /a/all/b")["a"] == {
        "*": {"/GET": "m0", "b": {"/POST": "m1"}},
        "all": {"/GET": "m2", "b": {"/GET": "m3", "/POST": "m1"}},
    }


def test_the_route_that_is_fixed_first_wins() -> None:
    """``/a/b`` is ``/a/<x>``, although ``/<x>/b`` has a fixed second segment."""
    assert routes("GET /a/<x>", "GET /<x>/b") == {
        "a": {"*": {"/GET": "m0"}, "b": {"/GET": "m0"}},
        "*": {"b": {"/GET": "m1"}},
    }


def test_an_empty_segment_does_not_match_a_parameter() -> None:
    assert routes("GET /a/<id>", "PUT /a/")["a"] == {
        "*": {"/GET": "m0"},
        "": {"/PUT": "m1"},
    }


def test_a_method_with_two_routes_has_two_binders() -> None:
    found = binders(contract(method("m", "GET /a", "GET /b"), method("m_2", "GET /c")))
    assert [b.name for b in found] == ["m", "get_m", "m_2"]


def test_extras_make_the_leaf_a_tuple() -> None:
    typed = method("m", "GET /a", content_type="text/csv")
    streamed = method("n", "GET /b", streamed=True)
    assert tree(binders(contract(typed, streamed))) == {
        "a": {"/GET": ("response.typed", "m", "text/csv")},
        "b": {"/GET": ("response.streamed", "n", None)},
    }


@pytest.mark.parametrize(
    ("kind", "default", "source"),
    [
        ("str", None, 'str_(q, "x")'),
        ("int", "10", 'int_(q, "x", 10)'),
        ("float", "-1.5", 'float_(q, "x", -1.5)'),
        ("bool", "False", 'bool_(q, "x", False)'),
        ("list", None, 'list_(q, "x")'),
        ("list[Any]", None, 'list_(q, "x")'),
        ("list[int | None]", None, 'inside(list_(q, "x"), "x", "list[int | None]", [(int, None)])'),
        (
            "dict[str, list[Any]]",
            None,
            'inside(dict_(q, "x"), "x", "dict[str, list[Any]]", {"": [object]})',
        ),
        ("dict", "{}", 'dict_(q, "x", {})'),
        ("dict", "{\n    'a': 1,\n}", "dict_(q, \"x\", {'a': 1})"),
        ("Any", "None", 'any_(q, "x", None)'),
        ("typing.Any", None, 'any_(q, "x")'),
        ("int | None", "None", 'opt_(int_, q, "x", None)'),
        ("None | str", None, 'opt_(str_, q, "x")'),
        (
            "Optional[list[int]]",
            None,
            'inside(opt_(list_, q, "x"), "x", "list[int]", [int])',
        ),
        ("'dict | None'", None, 'opt_(dict_, q, "x")'),
        ("Any | None", None, 'any_(q, "x")'),
    ],
)
def test_an_argument_from_query_or_body(kind: str, default: str | None, source: str) -> None:
    assert binder(argument("x", kind, default)).arguments == [source]


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        ("str", "q.path[1]"),
        ("Any", "q.path[1]"),
        ("int", 'path_int(q, 1, "id")'),
        ("float", 'path_float(q, 1, "id")'),
        ("bool", 'path_bool(q, 1, "id")'),
    ],
)
def test_an_argument_from_the_path(kind: str, source: str) -> None:
    assert binder(argument("id", kind)).arguments == [source]


def test_arguments_keep_the_order_of_the_method() -> None:
    made = binder(argument("by", "str"), argument("id", "int"))
    assert made.lines()[1] == '    return s.m(str_(q, "by"), path_int(q, 1, "id"))'


def test_a_long_call_is_broken_into_lines() -> None:
    made = binder(*(argument(f"argument_{i}", "int", str(i)) for i in range(6)))
    assert max(map(len, made.lines())) <= 96
    compile("\n".join(made.lines()), "", "exec")


# -- the tree, walked without going back, against a search that tries everything

_segment = st.sampled_from(["a", "b", "<p>", "<q>"])
_path = st.tuples(st.sampled_from(["GET", "PUT"]), st.lists(_segment, min_size=1, max_size=4))


def _walk(node: Any, segments: list[str], verb: str) -> str | None:
    for segment in segments:
        node = node.get(segment) or node.get("*")
        if node is None:
            return None
    found: str | None = node.get("/" + verb)
    return found


def _search(plain: Any, segments: list[str], verb: str) -> str | None:
    """Try the literal first, then the parameter, with backtracking."""
    if not segments:
        found: str | None = plain.get("/" + verb)
        return found
    for key in (segments[0], "*"):
        if key in plain:
            found = _search(plain[key], segments[1:], verb)
            if found:
                return found
    return None


def _plain(paths: list[tuple[str, list[str]]]) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for i, (verb, segments) in enumerate(paths):
        node = root
        for segment in segments:
            node = node.setdefault("*" if segment.startswith("<") else segment, {})
        node["/" + verb] = f"m{i}"
    return root


@given(st.lists(_path, min_size=1, max_size=8), st.lists(st.sampled_from("abz"), max_size=5))
def test_the_search_never_has_to_go_back(
    paths: list[tuple[str, list[str]]], request: list[str]
) -> None:
    built = routes(*(f"{verb} /{'/'.join(segments)}" for verb, segments in paths))
    for verb in ("GET", "PUT"):
        assert _walk(built, request, verb) == _search(_plain(paths), request, verb)
