"""Fingerprints: stable, accepted if a call still fits, changed by everything that breaks one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.host_tools.small_plans import NOWHERE, argument, method
from torpor_tools.contracts.fingerprint import (
    honoured_fingerprints,
    method_fingerprint,
    service_fingerprint,
    signature,
)
from torpor_tools.model.contract import Contract, Method
from torpor_tools.model.types import Type

NEWEST = replace(
    method(
        "newest",
        "GET /readings/<fridge>",
        arguments=(argument("fridge", "str"), argument("limit", "int", "1")),
    ),
    returns=Type("list[dict]"),
)


def contract(*methods: Method) -> Contract:
    return Contract("readings", "Readings", NOWHERE, methods, ())


def with_arguments(*arguments: tuple[str, ...]) -> Method:
    return replace(NEWEST, arguments=tuple(argument(*a) for a in arguments))


def test_fingerprints_never_change() -> None:
    """Boards in the field have these: a change of the algorithm would cut them off."""
    assert method_fingerprint(NEWEST) == "9b446061"
    assert service_fingerprint(contract(NEWEST)) == "ba72c91b8b0f"


@pytest.mark.parametrize(
    "other",
    [
        replace(NEWEST, name="latest"),
        replace(NEWEST, returns=Type("list")),
        with_arguments(("fridge", "str"), ("limit", "float", "1")),
        with_arguments(("fridge", "str"), ("most", "int", "1")),
        with_arguments(("limit", "int"), ("fridge", "str", "''")),
        with_arguments(("limit", "int", "1")),
    ],
    ids=["renamed", "result", "type", "argument-renamed", "order", "argument-removed"],
)
def test_a_server_refuses_calls_that_it_cannot_honour(other: Method) -> None:
    assert method_fingerprint(NEWEST) not in honoured_fingerprints(other)


def test_a_server_honours_stubs_that_lack_its_optional_arguments() -> None:
    grown = with_arguments(("fridge", "str"), ("limit", "int", "1"), ("since", "int", "0"))
    assert method_fingerprint(NEWEST) in honoured_fingerprints(grown)
    assert method_fingerprint(grown) not in honoured_fingerprints(NEWEST)
    assert honoured_fingerprints(grown)[0] == method_fingerprint(grown)
    required = with_arguments(("fridge", "str"), ("limit", "int"), ("since", "int"))
    assert method_fingerprint(NEWEST) not in honoured_fingerprints(required)


def test_calls_must_pass_an_argument_that_became_required() -> None:
    required = with_arguments(("fridge", "str"), ("limit", "int"))
    assert honoured_fingerprints(required) == (method_fingerprint(NEWEST),)
    assert service_fingerprint(contract(required)) != service_fingerprint(contract(NEWEST))


def test_the_fingerprint_of_a_service_depends_on_routes_but_not_on_order() -> None:
    other = method("fridges")
    both = service_fingerprint(contract(NEWEST, other))
    assert both == service_fingerprint(contract(other, NEWEST))
    assert both != service_fingerprint(contract(NEWEST))
    assert service_fingerprint(contract(replace(NEWEST, routes=()))) != service_fingerprint(
        contract(NEWEST)
    )


def test_a_signature_is_one_line() -> None:
    assert signature(NEWEST) == "(fridge: str, limit: int?) -> list[dict]"
    assert signature(replace(NEWEST, streamed=True, returns=Type("AsyncIterator[str]"))).endswith(
        "yields AsyncIterator[str]"
    )
