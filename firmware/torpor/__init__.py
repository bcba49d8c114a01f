"""The names that services import; ``Service`` and ``Fault`` are defined here.

``clock`` and ``system`` are modules: ``from torpor import clock``.
"""

from . import log, loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from machine import Pin

    # Routes and schedules are read from the source by the build; a chip never runs a decorator.
    from .contract import Event as Event
    from .contract import Length as Length
    from .contract import Pattern as Pattern
    from .contract import Range as Range
    from .contract import daily as daily
    from .contract import delete as delete
    from .contract import every as every
    from .contract import get as get
    from .contract import on as on
    from .contract import on_wake as on_wake
    from .contract import post as post
    from .contract import put as put
    from .contract import safe as safe

    # The build imports ``deadline`` from its own module, which other images do not need.
    from .deadline import deadline as deadline
    from .store.database import Store
    from .store.state import State

__all__ = [
    "Event",
    "Fault",
    "Length",
    "Pattern",
    "Range",
    "Service",
    "daily",
    "deadline",
    "delete",
    "every",
    "get",
    "on",
    "on_wake",
    "post",
    "put",
    "safe",
]


class Fault(Exception):
    """A response that is an error: an HTTP status and a message for the caller.

    Callers get it from calls in memory and over the network alike. Any other exception of a method
    is a bug: the client gets 500, and the log has its traceback.
    """

    def __init__(self, status: int, message: str, headers: dict | None = None) -> None:
        if not 200 <= status < 600:
            raise ValueError("status %s is not 200 to 599" % status)
        self.status = status
        self.message = message
        self.headers = headers  # for an HTTP answer

    def __str__(self) -> str:
        return "%d %s" % (self.status, self.message)


class Service:
    """A service: its public ``async`` methods are its contract.

    Attributes: ``name``, ``config`` (the ``[services.<name>.config]`` table of ``cluster.toml``)
    and ``log`` (``debug``, ``info``, ``warning``, ``error``; ``%`` formatting). The kernel adds
    ``store`` (tables) and ``state`` (small values that survive a sleep) if the class uses them.
    """

    if TYPE_CHECKING:
        store: Store
        state: State

        async def publish(self, event: Event, wait: bool = False) -> None:
            """Call every subscriber of an event: see ``on``.

            The build turns this into calls of the subscribers.

            Args:
                event: Written out: ``DoorOpened(fridge="fridge-1")``.
                wait: Whether to wait until the subscribers have ended and other boards have
                    confirmed it.
            """

    def __init__(self, name: str, config: dict) -> None:
        self.name = name
        self.config = config
        self.log = log.Log(name)

    async def start(self) -> None:
        """Run once, after the peers are set and before any listener opens."""

    def spawn(self, function: "Callable", *args: "Any") -> None:
        """Run ``async function(*args)`` in the background.

        If it raises, the error is logged under this service's name and the function is
        started again, after 1 s at first and up to 60 s if it keeps failing.
        """
        loop.spawn(self.log, function, *args)

    def output(self, pin: "int | str", safe: int = 0) -> "Pin":
        """Return a pin as an output that has the value ``safe`` whenever the service cannot run.

        The build reads the pin and the value: see docs/services.md.
        """
        from machine import Pin

        return Pin(pin, Pin.OUT, value=safe)

    def awake(self) -> "loop.Hold":
        """Keep the board from sleeping during a block: ``async with self.awake():``."""
        return loop.Hold()
