"""Arguments of ``torpor call``: records field by field, checked before they are sent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.host_tools.small_plans import NOWHERE
from torpor_tools.client.arguments import arguments
from torpor_tools.contracts.shapes import from_text
from torpor_tools.errors import UserError
from torpor_tools.model.contract import Argument, Method
from torpor_tools.model.types import Field, Limits, Type

FLOAT = Type("float", limits=Limits(-60, 90))
POINT = Type(
    "Point", fields=(Field("celsius", FLOAT), Field("note", from_text("str | None"), False))
)
DOOR = Type(
    "Door", fields=(Field("kind", from_text("Literal['door']")), Field("open", Type("bool")))
)
FAN = Type("Fan", fields=(Field("kind", from_text("Literal['fan']")), Field("speed", Type("int"))))
RECORDS = {"Point": POINT, "Door": DOOR, "Fan": FAN}


def method(**kinds: str) -> Method:
    return Method(
        "put",
        tuple(
            Argument(name, from_text(kind, RECORDS), None, NOWHERE) for name, kind in kinds.items()
        ),
        Type("None"),
        NOWHERE,
    )


@pytest.mark.parametrize(
    ("kind", "given", "value"),
    [
        ("Point", ["x.celsius=4.5", "x.note=warm"], {"celsius": 4.5, "note": "warm"}),
        ("Point", ["x.celsius=4", "x.note=null"], {"celsius": 4.0, "note": None}),
        ("Point", ['x={"celsius": 4}'], {"celsius": 4}),
        ("Point | None", ["x.celsius=1"], {"celsius": 1.0}),
        ("Point | None", ["x=null"], None),
        ("list[Point]", ["x.1.celsius=2", "x.0.celsius=1"], [{"celsius": 1.0}, {"celsius": 2.0}]),
        ("list[int]", ["x.0=7"], [7]),
        ("dict[str, Point]", ["x.top.celsius=1"], {"top": {"celsius": 1.0}}),
        ("dict", ["x.a.b=1", "x.c=text"], {"a": {"b": 1}, "c": "text"}),
        ("Door | Fan", ["x.kind=fan", "x.speed=3"], {"kind": "fan", "speed": 3}),
        ("Door | Fan", ["x.kind=door", "x.open=true"], {"kind": "door", "open": True}),
        ("str", ["x=a=b"], "a=b"),
    ],
)
def test_a_record_is_given_field_by_field(kind: str, given: list[str], value: Any) -> None:
    found = arguments(method(x=kind), given)["x"]
    assert (found, repr(found)) == (value, repr(value))


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("Point", ["x.celcius=4.5"], 'x has no field celcius; did you mean "celsius"?'),
        ("Point", ["x.note=a"], "x.celsius is missing"),
        ("Point", ["x.celsius=warm"], "x.celsius: expected a number, got 'warm'"),
        ("Point", ["x.celsius=99"], "x.celsius: expected a number from -60 to 90, got 99.0"),
        ("Point", ["x.celsius.more=1"], "x.celsius has no fields: it is "),
        ("Point", ["x.celsius=1", "x.celsius=2"], "x.celsius is given twice"),
        ("Point", ["x={}", "x.celsius=2"], "x.celsius is given twice"),
        ("Point", ["x.celsius=2", "x={}"], "x is given twice"),
        ("Point", ['x={"celsius": "warm"}'], "x.celsius: expected a number from -60 to 90, got"),
        ("list[Point]", ['x=[{"celsius": 1}, {}]'], "x.1.celsius is missing"),
        ("list[Point]", ["x.1.celsius=2"], "number its items x.0, x.1 without gaps"),
        ("dict[str, int]", ['x={"a": "b"}'], "x.a: expected a whole number, got 'b'"),
        ("Door | Fan", ["x.kind=fan", "x.speed=fast"], "x.speed: expected a whole number"),
        ("Door | Fan", ['x={"kind": "fan", "speed": "fast"}'], "x.speed: expected a whole number"),
        ("Door | Fan", ['x={"kind": "cat"}'], "x.kind: expected 'door' or 'fan', got 'cat'"),
        ("Literal['low', 'high']", ["x=mid"], "x: expected 'low' or 'high', got 'mid'"),
        ("Point", ["y.celsius=1"], "put has no argument y"),
        ("Point", ["x.celsius"], "x.celsius is not an argument"),
    ],
)
def test_invalid_values_are_refused_with_their_path(
    kind: str, given: list[str], expected: str
) -> None:
    with pytest.raises(UserError) as caught:
        arguments(method(x=kind), given)
    assert expected in str(caught.value)


def test_all_mistakes_are_reported_together() -> None:
    with pytest.raises(UserError) as caught:
        arguments(method(x="Point", n="int"), ["x.celsius=warm", "n=1.5", "m=2"])
    assert len(caught.value.problems) == 3
