"""The behaviour of MicroPython on a family of chips, as in ``boards/ports/<port>.toml``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hostname:
    """The name that ``network.hostname`` sets and mDNS announces as ``<name>.local``."""

    longest: int  # bytes
    taken_at: str  # when the firmware takes it: "active" or "first address"
    default: dict[str, str]  # chip -> the name without a call


@dataclass(frozen=True)
class Wifi:
    """The calls of ``network.WLAN``. A text is that of the exception, empty if none is raised."""

    pm_none: int
    pm_performance: int
    pm_powersave: int
    pm_default: int
    config_while_joining: str  # OSError of config(pm=...)
    unknown_error: str  # RuntimeError for an error that has no OSError; %x is its code
    refused_dns: int  # the code for ifconfig() with DNS 0.0.0.0; 0: taken
    pm_saving: str  # the constant for a radio that sleeps between beacons and misses nothing
    dhcp_twice: int  # the code for ifconfig("dhcp") while DHCP runs; 0: taken
    connect_channel: bool  # whether connect() takes a channel


@dataclass(frozen=True)
class Sockets:
    """The errors at the limits of ``boards/*.toml``. A name is one of ``Port.errno``."""

    shared: bool  # whether listeners and connections share one pool
    full: str  # of socket(), when none is left
    listen_full: str  # of listen()
    accept_full: str  # of accept(), the connection is lost; empty: its SYN is dropped
    accept_aborted: str  # of accept(), for a SYN that had no place; empty: never
    active_tcp: int  # TCP connections in any state


@dataclass(frozen=True)
class Heap:
    """The growth of the heap."""

    split: bool  # whether it grows by areas
    free_counts_unborn: bool  # whether gc.mem_free() counts memory that is not heap yet
    collects_before_growing: bool
    first_bytes: dict[str, int]  # chip -> the first area; without an entry it is all there is


@dataclass(frozen=True)
class Loop:
    """The waiting of ``poll``."""

    poll_ms: int  # how late a packet may be seen


@dataclass(frozen=True)
class Names:
    """The lookup of names, during which the whole program waits."""

    local: bool  # whether <name>.local is looked up by mDNS
    local_ms: int  # until that has failed
    dns_ms: int  # until a DNS server that does not answer has failed
    not_found: int  # errno of the OSError


@dataclass(frozen=True)
class Time:
    """The clock's resolution and range."""

    epoch_year: int  # the year in which time.time() is 0


@dataclass(frozen=True)
class Resets:
    """The ``machine.reset_cause()`` after a reset: the name of a constant of ``machine``."""

    reset: str  # after machine.reset()
    watchdog: str  # after a watchdog that was not fed
    deepsleep: str  # after machine.deepsleep(ms)
    watchdog_ms: int  # the longest time-out of the watchdog; 0: any


@dataclass(frozen=True)
class Port:
    """A port of MicroPython.

    ``hostname`` and ``wifi`` are None for one without a radio, ``resets`` for one without a chip.
    """

    name: str
    errno: dict[str, int]
    sockets: Sockets
    heap: Heap
    loop: Loop
    names: Names
    time: Time
    resets: Resets | None = None
    hostname: Hostname | None = None
    wifi: Wifi | None = None
