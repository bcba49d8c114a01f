"""The records of alerts and ranges that the service returns."""

from typing import TypedDict


class Alert(TypedDict):
    """An alert of a fridge."""

    id: int
    fridge: str
    kind: str
    celsius: float | None  # the worst so far; None if the probe returned nothing
    since: int  # Unix seconds
    until: int | None  # None while it lasts
    acknowledged_by: str | None  # None until somebody has seen it


class SafeRange(TypedDict):
    """The safe range of a fridge in degrees, and its state."""

    low: float
    high: float
    state: str
