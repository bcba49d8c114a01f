"""The vocabulary of contracts: decorators of methods, and limits of values.

The build reads these from the source and removes them from the device code: MicroPython's functions
cannot have attributes, and a chip should not spend memory on them. No image has this module.
"""

from typing import Any, Callable, Coroutine, TypeVar, dataclass_transform

F = TypeVar("F", bound=Callable)


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Event:
    """The base class of events, which report what happened to services unknown to the publisher.

    ``class DoorOpened(Event)`` declares fields as a record does; a field with a default may be
    omitted. ``await self.publish(DoorOpened(fridge="fridge-1"))`` publishes one.
    """


S = TypeVar("S")
E = TypeVar("E", bound=Event)
Handler = Callable[[S, E], Coroutine[Any, Any, None]]


def on(event: type[E], durable: bool = False) -> "Callable[[Handler[S, E]], Handler[S, E]]":
    """Call this method with each event of a class that a service of the cluster publishes.

    Args:
        event: The class of the events.
        durable: Whether an event from another board arrives exactly once, through the mailbox, even
        if this board sleeps. Without it the event arrives at most once.
    """
    return lambda method: method


def get(
    path: str, content_type: str | None = None, deadline_ms: int | None = None
) -> Callable[[F], F]:
    """Answer ``GET path`` with this method; ``<name>`` in the path binds to the argument ``name``.

    Args:
        path: The path, a literal text.
        content_type: Replaces the content type that follows from the method's return type.
        deadline_ms: How long the method may take, in ms. It is then cancelled, and the client gets
            504. Without it, the ``deadline_ms`` of the service applies, 30 s.
    """
    return lambda method: method


def post(
    path: str,
    content_type: str | None = None,
    idempotent: bool = False,
    deadline_ms: int | None = None,
) -> Callable[[F], F]:
    """Answer ``POST path`` with this method; arguments not in the path come from the JSON body.

    Args:
        path: The path.
        content_type: See ``get``.
        idempotent: Whether executing it twice has the same effect as once, so that a lost call
            from another board may be sent again.
        deadline_ms: See ``get``.
    """
    return lambda method: method


def put(
    path: str,
    content_type: str | None = None,
    idempotent: bool = False,
    deadline_ms: int | None = None,
) -> Callable[[F], F]:
    """Answer ``PUT path`` with this method; the arguments are as for ``post``."""
    return lambda method: method


def delete(
    path: str,
    content_type: str | None = None,
    idempotent: bool = False,
    deadline_ms: int | None = None,
) -> Callable[[F], F]:
    """Answer ``DELETE path`` with this method; ``idempotent`` is as for ``post``."""
    return lambda method: method


def safe(method: F) -> F:
    """Declare that a method without a route changes nothing, as ``get`` does for one with a route.

    A lost call from another board is then sent again, to another replica if there is one.
    """
    return method


def every(
    hours: float = 0, minutes: float = 0, seconds: float = 0, ms: int = 0, first: bool = True
) -> Callable[[F], F]:
    """Run this method when the board has started and then once every period.

    The first run comes before the board is on the network and before its clock is set. After a
    sleep the schedule continues: the method runs when it is due.

    Args:
        hours: The period is the sum of the first four arguments, which are constants.
        minutes: See ``hours``.
        seconds: See ``hours``.
        ms: See ``hours``; milliseconds.
        first: False omits the run at the start, so the first run comes after one period.
    """
    return lambda method: method


def daily(time: str) -> Callable[[F], F]:
    """Run this method once a day at ``"HH:MM"``, once the clock is set.

    The time is that of ``timezone`` in ``cluster.toml``; without one it is UTC. A missed run is
    made up once, as soon as possible.
    """
    return lambda method: method


def on_wake(pin: int, level: int) -> Callable[[F], F]:
    """Run this method when the pin goes to ``level``, and wake the board for it if it sleeps.

    The pin gets a pull resistor to the other level, if it has one.
    """
    return lambda method: method


class Range:
    """The smallest and the largest number; None for no limit: ``Annotated[int, Range(1, 100)]``."""

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        self.low = low
        self.high = high


class Length:
    """The smallest and the largest number of characters of a string; None for no limit."""

    def __init__(self, low: int = 0, high: int | None = None) -> None:
        self.low = low
        self.high = high


class Pattern:
    """A regular expression that a whole string matches."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
