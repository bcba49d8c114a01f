"""A service's contract as read from its source."""

from __future__ import annotations

from dataclasses import dataclass

from ..errors import Where
from .types import Type


@dataclass(frozen=True)
class Argument:
    """An argument of a contract method; ``default`` is source text, None if it is required."""

    name: str
    type: Type
    default: str | None
    where: Where


@dataclass(frozen=True)
class Route:
    """An HTTP route of a method: ``GET /alerts/<fridge>``."""

    verb: str  # GET, POST, PUT or DELETE
    path: str
    where: Where
    content_type: str | None = None
    deadline_ms: int | None = None  # how long the handler may take; None: its service's

    @property
    def segments(self) -> tuple[str, ...]:
        """The path's parts after the first slash; a parameter keeps its angle brackets."""
        return tuple(self.path.split("/")[1:])

    @property
    def parameters(self) -> tuple[str, ...]:
        """The segments that are parameters, with their angle brackets."""
        return tuple(s[1:-1] for s in self.segments if s.startswith("<"))


@dataclass(frozen=True)
class Wake:
    """``@on_wake(pin=4, level=0)`` on a method."""

    pin: int
    level: int
    where: Where


@dataclass(frozen=True)
class Method:
    """A public ``async def`` of a service class."""

    name: str
    arguments: tuple[Argument, ...]
    returns: Type
    where: Where
    routes: tuple[Route, ...] = ()
    every_ms: int | None = None
    streamed: bool = False  # an async generator: its chunks are sent as they come
    doc: str = ""
    safe: bool = False  # changes nothing, so a call that was lost may be sent again
    idempotent: bool = False  # executing it twice has the same effect as once
    daily_s: int | None = None  # seconds after midnight UTC
    wake: Wake | None = None
    at_start: bool = True  # whether the runs of ``every_ms`` begin when the board starts
    earlier: tuple[str, ...] = ()  # forms that callers still use, oldest first: see fingerprint.py

    @property
    def is_safe(self) -> bool:
        """Whether a lost call may be sent again as it is."""
        return self.safe or any(route.verb == "GET" for route in self.routes)


@dataclass(frozen=True)
class Peer:
    """A bare class annotation that names another service's class: ``readings: Readings``."""

    attribute: str
    class_name: str
    service: str
    where: Where


@dataclass(frozen=True)
class Migration:
    """A file of ``services/<name>/migrations/``."""

    name: str  # without .py: 0001_create_readings
    digest: str  # of its text, as in contracts.lock
    where: Where
    indexes: bool = False  # it asks for an index


@dataclass(frozen=True)
class Event:
    """An event: a class that derives from ``torpor.Event``. Its fields are read as arguments."""

    name: str
    owner: str  # the service that defines it, or "lib"
    fields: tuple[Argument, ...]
    where: Where
    doc: str = ""


@dataclass(frozen=True)
class Publication:
    """``await self.publish(Event(...))`` in a service."""

    event: str
    waits: bool  # for the subscribers
    where: Where


@dataclass(frozen=True)
class Handler:
    """``@on(Event)`` on a method."""

    event: str
    method: str
    durable: bool
    waits: bool  # it may wait for something, and then runs as a task
    where: Where


@dataclass(frozen=True)
class Contract:
    """All that the build knows of a service without running it."""

    service: str
    class_name: str
    where: Where
    methods: tuple[Method, ...]
    peers: tuple[Peer, ...]
    has_app: bool = False  # the class has ``app = ...``: a Microdot application
    doc: str = ""
    uses_store: bool = False  # its class uses ``self.store``
    uses_state: bool = False  # its class uses ``self.state``
    migrations: tuple[Migration, ...] = ()
    spawns: Where | None = None  # the first place where it starts a task of its own
    drives: Where | None = None  # the first place where it has a safe output
    events: tuple[Event, ...] = ()  # those that it defines, publishes or subscribes to
    publishes: tuple[Publication, ...] = ()
    handlers: tuple[Handler, ...] = ()

    @property
    def records(self) -> dict[str, Type]:
        """The records in the methods, by name, inner ones first."""
        types = (t for m in self.methods for t in (*(a.type for a in m.arguments), m.returns))
        return {record.name: record for type_ in types for record in type_.records}

    @property
    def published(self) -> dict[str, bool]:
        """The names of the events that it publishes -> whether it ever waits for subscribers."""
        found: dict[str, bool] = {}
        for item in self.publishes:
            found[item.event] = found.get(item.event, False) or item.waits
        return found

    @property
    def has_store(self) -> bool:
        """Whether it keeps data."""
        return self.uses_store or bool(self.migrations)
