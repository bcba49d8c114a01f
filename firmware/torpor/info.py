"""The types of what ``system`` and ``wifi`` report. No image has this module."""

from typing import NotRequired, TypedDict


class Network(TypedDict):
    """The type of ``wifi.info()``."""

    connected: bool
    address: NotRequired[str]
    rssi: NotRequired[int]


class Heap(TypedDict):
    """Part of ``Info``: bytes, a number of collections, and their longest pause in µs."""

    free: int
    used: int
    largest: int
    collections: int
    longest_pause_us: int


class Connections(TypedDict, total=False):
    """Part of ``Info``; empty on a board that does not listen."""

    open: int
    places: int
    displaced: int
    turned_away: int


class Info(TypedDict):
    """The type of ``system.info()``."""

    cluster: str
    board: str
    id: str
    firmware: str
    platform: str
    uptime: int
    clock: int | None
    heap: Heap
    reset_cause: str
    wake_reason: str
    wifi: Network
    connections: Connections
    failed: dict[str, str]
