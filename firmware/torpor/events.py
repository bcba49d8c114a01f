"""Calls the subscribers of events on this board.

The build makes a ``Publisher`` for each event that a service of the board publishes. The wiring
gives it the handlers, and the services its methods. An image without events lacks this module.
"""

from .log import Log
from .loop import run_or_spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


async def _nothing():
    pass


# A coroutine that has ended: awaiting it again is nothing to MicroPython, and takes no memory.
_ended: "Any" = _nothing()
for _ in _ended:
    pass


class Publisher:
    """Publishes the events of one class.

    Attributes:
        quick: The handlers that never wait, which the build has made plain functions.
        services: The names of their services, in the same order.
        slow: The other handlers, each behind the name of its service.
    """

    quick: "tuple[Callable[[Any], None], ...]" = ()
    services: "tuple[str, ...]" = ()
    slow: "tuple[tuple[str, Callable[[Any], Any]], ...]" = ()

    def publish(self, event: "Any") -> "Any":
        """Call the subscribers. One that has to wait goes on in a task of its own.

        Returns:
            An awaitable that is done already.
        """
        self.publish_quick(event)
        for service, handler in self.slow:
            run_or_spawn(hear(service, handler, event))
        return _ended

    def publish_quick(self, event: "Any") -> "Any":
        """Call the subscribers that never wait. Returns what ``publish`` does."""
        for handler in self.quick:
            try:
                handler(event)
            except Exception as e:
                _failed(self.services[self.quick.index(handler)], event, e)
        return _ended

    async def publish_and_wait(self, event: "Any") -> None:
        """Call the subscribers, one after the other, and return when the last has ended."""
        self.publish_quick(event)
        for service, handler in self.slow:
            await hear(service, handler, event)


def to_one(service: str, handler: "Callable[[Any], None]") -> "Callable[[Any], Any]":
    """Return a function that publishes as ``Publisher.publish`` to one subscriber, faster.

    Args:
        service: The name of the subscriber.
        handler: Its method, which never waits.
    """

    def publish(event):
        try:
            handler(event)
        except Exception as e:
            _failed(service, event, e)
        return _ended

    return publish


async def hear(service: str, handler: "Callable[[Any], Any]", event: "Any") -> None:
    """Call a subscriber. If it fails, the log of its service has the error."""
    try:
        await handler(event)
    except Exception as e:
        _failed(service, event, e)


def _failed(service: str, event: "Any", error: Exception) -> None:
    try:
        text = "failed to handle %r" % (event,)
    except MemoryError:  # the publisher and the other subscribers must not get it
        text = "failed to handle an event"
    Log(service).exception(error, text)
