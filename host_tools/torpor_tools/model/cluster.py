"""A cluster as ``cluster.toml`` describes it, before any service has been read."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import Where
from .device import DeviceEntry
from .library import LibraryEntry
from .observe import Observe

LONGEST_MS = 600_000  # of any deadline
WATCHDOG_S = 8
HEAP_RESERVE = 25  # percent of the board's heap
REQUEST_MS = 30_000  # as in the firmware's Listener


@dataclass(frozen=True)
class ServiceEntry:
    """``[services.<name>]``: the service's port (None: it has no listener) and its own settings.

    ``on_request``: it starts when a client connects to its port, and is unloaded when none does.
    """

    name: str
    port: int | None
    where: Where
    config: dict[str, Any] = field(default_factory=dict)
    on_request: bool = False
    port_where: Where | None = None
    deadline_ms: int = REQUEST_MS  # how long a handler may take
    config_wheres: dict[str, Where] = field(default_factory=dict)
    events: tuple[str, ...] = ()  # those that it offers to other programs
    event_wheres: dict[str, Where] = field(default_factory=dict)

    @property
    def where_of_port(self) -> Where:
        """The line of ``cluster.toml`` with its port."""
        return self.port_where or self.where


@dataclass(frozen=True)
class Power:
    """``[boards.<name>.power]``: what the board does between requests; see docs/power.md."""

    policy: str  # on, idle, doze or deep
    where: Where
    linger_ms: int = 2000  # stays awake after a request
    wake_every_ms: int | None = None  # deep: looks for requests
    wifi_deadline_ms: int = 15_000  # deep: after that, works without Wi-Fi

    @property
    def sleeps(self) -> bool:
        """Whether the chip stops between requests."""
        return self.policy in ("doze", "deep")


@dataclass(frozen=True)
class Mailbox:
    """``[mailbox]``: the broker that holds requests for boards that sleep; see docs/gateway.md."""

    host: str
    port: int
    tls: bool
    where: Where
    own: bool = False  # the gateway starts it

    @property
    def is_here(self) -> bool:
        """Whether only this computer can reach it."""
        return self.host == "localhost" or self.host.startswith("127.")

    @property
    def url(self) -> str:
        return f"mqtt{'s' if self.tls else ''}://{self.host}:{self.port}"


@dataclass(frozen=True)
class BoardEntry:
    """``[boards.<name>]``: a physical board, its type and its services."""

    name: str
    type: str
    services: tuple[str, ...]
    where: Where
    service_wheres: dict[str, Where] = field(default_factory=dict)  # where each one is listed
    host: str = ""  # where other boards find it: a name, a mDNS name or an address
    power: Power | None = None
    mailbox: bool = False  # takes requests from the broker
    host_where: Where | None = None
    devices: tuple[DeviceEntry, ...] = ()  # what is wired to it, for the simulator
    update: bool = True  # takes signed updates, if the project has a signing key
    watchdog_s: int = WATCHDOG_S  # 0: none
    heap_reserve: int = HEAP_RESERVE  # percent of the heap that an image must leave
    heap_where: Where | None = None
    flash_mb: int | None = None  # MiB of flash, if not those of the board type
    firmware_slots: int | None = None  # 1 or 2, if not those of the board type
    flash_where: Where | None = None

    def where_of(self, service: str) -> Where:
        """The line of ``cluster.toml`` that puts the service on this board."""
        return self.service_wheres.get(service, self.where)


_LOCAL = ".local"


def announced_name(name: str, host: str) -> str:
    """The host name that a board called ``name`` announces, so that others find it as ``host``.

    It is ``name`` itself if ``host`` is an address or a name that a DNS server knows.
    """
    return host[: -len(_LOCAL)] if host.lower().endswith(_LOCAL) else name


@dataclass(frozen=True)
class Cluster:
    """The parsed ``cluster.toml``."""

    name: str
    root: Path  # the folder that holds cluster.toml and services/
    boards: tuple[BoardEntry, ...]
    services: tuple[ServiceEntry, ...]
    deadline_ms: int = 5000  # of a call between boards whose caller sets none
    mailbox: Mailbox | None = None
    timezone: str = "UTC"  # in which @daily counts
    libraries: tuple[LibraryEntry, ...] = ()
    observe: Observe = field(default_factory=Observe)
