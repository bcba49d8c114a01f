"""The generated cluster.py. Whole texts are in tests/cases/link/wiring-*/."""

from __future__ import annotations

import ast
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from tests.host_tools.small_plans import Small, argument, method, plan
from torpor_tools.contracts import load_plan
from torpor_tools.crashes.crumbs import REQUEST, crumb_of
from torpor_tools.errors import UserError
from torpor_tools.link.wiring import module_of, wiring, wiring_of_service

CASES = Path(__file__).parents[1] / "cases" / "link"


def text(tmp_path: Path, **services: Small) -> str:
    made = plan(tmp_path, services)
    return wiring(made, made.boards[0])


def loaded(source: str) -> dict[str, Any]:
    """Return the names that the module binds; ``left`` gets the breadcrumbs instead of the port."""
    bound: dict[str, Any] = {"left": []}
    exec(source.replace("from torpor.port import crumb", "crumb = left.append"), bound)
    return bound


def test_facts_and_tables(tmp_path: Path) -> None:
    check = method("check", every_ms=60000)
    index = method("index", "GET /")
    module = loaded(
        text(tmp_path, a=Small(methods=(check,)), b=Small(port=None), c=Small(methods=(index,)))
    )
    assert module["NAME"] == "fridge-monitor"
    assert module["BOARD"] == "shed"
    assert module["CONNECTIONS"] == 5
    assert module["SERVICES"] == ("a", "b", "c")
    assert module["PORTS"] == {"a": 8001, "c": 8001}
    assert list(module["ROUTES"]) == ["c"]
    assert module["SCHEDULE"] == (("a", "check", 60000),)


def test_a_job_that_does_not_run_at_the_start_has_a_negative_period(tmp_path: Path) -> None:
    later = replace(method("check", every_ms=60000), at_start=False)
    module = loaded(text(tmp_path, a=Small(methods=(later, method("look", every_ms=500)))))
    assert module["SCHEDULE"] == (("a", "check", -60000), ("a", "look", 500))


def test_peers_are_plain_attributes_in_a_ring_too(tmp_path: Path) -> None:
    module = loaded(text(tmp_path, a=Small(peers=("b",)), b=Small(peers=("a",))))

    class Instance:
        pass

    services = {"a": Instance(), "b": Instance()}
    module["wire"](services)
    assert services["a"].b is services["b"]  # type: ignore[attr-defined]
    assert services["b"].a is services["a"]


def test_a_binder_calls_the_method(tmp_path: Path) -> None:
    show = method("show", "GET /alerts/<fridge>", arguments=(argument("fridge", "str"),))
    module = loaded(text(tmp_path, a=Small(methods=(show,))))

    class Instance:
        def show(self, fridge: str) -> str:
            return f"shown {fridge}"

    class Request:
        path = ("alerts", "fridge-1")

    routes = module["ROUTES"]["a"](Instance())
    assert routes["alerts"]["*"]["/GET"](Request()) == "shown fridge-1"
    assert module["left"] == [crumb_of(REQUEST, "a", "show")]


def test_the_converters_are_imported_only_if_used(tmp_path: Path) -> None:
    path = method("m", "GET /<x>", arguments=(argument("x", "str"),))
    query = method("m", "GET /", arguments=(argument("x", "str"),))
    assert "http.args" not in text(tmp_path, b=Small(methods=(path,)))
    assert "from torpor.http.args import str_\n" in text(tmp_path, b=Small(methods=(query,)))


@pytest.mark.parametrize(
    ("small", "parts"),
    [
        (Small(port=None), "(wifi,)"),
        (Small(), "(wifi, listener)"),
        (Small(methods=(method("m", every_ms=10),)), "(wifi, listener, schedule)"),
    ],
)
def test_the_parts_that_a_board_needs(tmp_path: Path, small: Small, parts: str) -> None:
    assert f"    return {parts}\n" in text(tmp_path, a=small)


def test_an_application_gets_requests_that_no_route_matches(tmp_path: Path) -> None:
    source = text(tmp_path, a=Small(has_app=True), b=Small(has_app=True, port=None))
    assert "from torpor.http import microdot_adapter\n" in source
    assert 'return {"/": microdot_adapter.mount(s, 130576591)}' in source  # and its breadcrumb
    assert 'ROUTES = {"a": a_routes}' in source


def test_a_service_without_port_has_no_routes(tmp_path: Path) -> None:
    index = method("index", "GET /")
    module = loaded(text(tmp_path, a=Small(methods=(index,), port=None)))
    assert module["ROUTES"] == module["PORTS"] == {}


def test_an_empty_board(tmp_path: Path) -> None:
    module = loaded(text(tmp_path))
    assert module["SERVICES"] == module["SCHEDULE"] == ()
    module["wire"]({})


def test_the_same_plan_gives_the_same_text(tmp_path: Path) -> None:
    small = Small(config={"b": 1, "a": {"d": [1, 2], "c": 0.5}})
    assert text(tmp_path, a=small, b=small) == text(tmp_path, a=small, b=small)


def test_settings_arrive_unchanged(tmp_path: Path) -> None:
    config = {"pin": 22, "probes": {f"fridge-{i}": "28ff641e8216c3a1" for i in range(9)}}
    source = text(tmp_path, a=Small(config=config))
    load = next(n for n in ast.parse(source).body if getattr(n, "name", "") == "load")
    (made,) = [n.value for n in ast.walk(load) if isinstance(n, ast.Return)]
    assert isinstance(made, ast.Call)
    assert ast.literal_eval(made.args[1]) == config


def test_values_without_a_literal_are_refused_at_once(tmp_path: Path) -> None:
    wrong = (argument("limit", "int", "LIMIT"), argument("data", "bytes"))
    listing = method("listing", "GET /", arguments=wrong)
    with pytest.raises(UserError) as caught:
        text(tmp_path, a=Small(methods=(listing,), config={"since": date(2026, 11, 24)}))
    first, bytes_, second = caught.value.problems
    assert bytes_.what == "data: bytes cannot be part of a request"
    assert str(first.where) == "services/a/__init__.py:7"
    assert first.what == "the default of limit, LIMIT, is not a plain value"
    assert str(second.where) == "cluster.toml:9"
    assert second.what == "services.a.config.since holds a date or a time"
    assert first.remedy
    assert second.remedy


@pytest.mark.parametrize("case", sorted(CASES.glob("wiring-*")), ids=lambda case: case.name)
def test_case(case: Path) -> None:
    made = load_plan(case)
    [board] = made.boards
    assert wiring(made, board) == (case / "expected.py").read_text(encoding="utf-8")
    for service in board.on_request:
        expected = case / f"{module_of(service.name)}.py"
        assert wiring_of_service(board, service) == expected.read_text(encoding="utf-8")
