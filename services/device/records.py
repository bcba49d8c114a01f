"""The records of a board's state that the service returns."""

from typing import NotRequired, TypedDict


class Heap(TypedDict):
    """Bytes of the heap, and its collections."""

    free: int
    used: int
    largest: int  # of the free blocks
    collections: int
    longest_pause_us: int


class Wifi(TypedDict):
    """The network, as far as the radio reports it."""

    connected: bool
    address: NotRequired[str]
    rssi: NotRequired[int]  # dBm


class Connections(TypedDict, total=False):
    """The TCP connections; empty for a board that does not listen."""

    open: int
    places: int
    displaced: int  # closed for a newcomer
    turned_away: int


class Status(TypedDict):
    """A board, and how it is doing."""

    cluster: str
    board: str
    id: str
    firmware: str
    platform: str
    uptime: int  # seconds
    clock: int | None  # Unix seconds; None until the clock is set
    heap: Heap
    reset_cause: str
    wake_reason: str
    wifi: Wifi
    connections: Connections
    failed: dict[str, str]  # service: why it did not start
