"""Calls the subscribers of events on this board.

The build makes a ``Publisher`` for each event that a service of the board publishes. The wiring
gives it the handlers, and the services its methods. An image without events lacks this module.
"""

from .log import Log
from .loop import run_or_spawn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


class Publisher:
    """Publishes the events of one class.

    Attributes:
        handlers: The name of the service, its bound method, and whether that may wait, for each
            subscriber.
    """

    handlers: "tuple[tuple[str, Callable[[Any], Any], bool], ...]" = ()

    def publish(self, event) -> None:
        """Call the subscribers. What one of them waits for, it waits for in a task of its own."""
        for service, handler, waits in self.handlers:
            if waits:
                run_or_spawn(hear(service, handler, event))
                continue
            try:
                for _ in handler(event):  # it never waits, so this ends at once
                    pass
            except Exception as e:
                _failed(service, event, e)

    async def publish_and_wait(self, event) -> None:
        """Call the subscribers one after the other, and return when the last has ended."""
        for service, handler, _ in self.handlers:
            await hear(service, handler, event)


async def hear(service: str, handler, event) -> None:
    """Call a subscriber. If it fails, the log of its service has the error."""
    try:
        await handler(event)
    except Exception as e:
        _failed(service, event, e)


def _failed(service: str, event, error: Exception) -> None:
    Log(service).exception(error, "failed to handle %r" % (event,))
