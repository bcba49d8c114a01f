"""Sends events to subscribers on other boards: over the signed link, at most once.

An event that could not be delivered is in the log. Nothing is sent again that may have arrived.
"""

import asyncio

from micropython import const

from ..events import Publisher
from ..log import Log
from ..service import Fault
from .client import PeerError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_MOST = const(8)  # events on their way; more are dropped, or they could fill the heap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_log = Log("events")
_sending = 0


class RemotePublisher(Publisher):
    """Publishes the events of one class here and to other boards.

    Args:
        name: The class.
        fields: Their names.
        mark: The fingerprint of the class: see ``receive`` in ``torpor.rpc.events``.

    Attributes:
        links: The stubs of the boards that have a subscriber.
    """

    links: tuple = ()

    def __init__(self, name: str, fields: "tuple[str, ...]", mark: int) -> None:
        self._name = name
        self._names = fields
        self._mark = mark

    def publish(self, event: "Any") -> "Any":
        """Send the event to each board, and call the subscribers of this one."""
        for link in self.links:
            asyncio.create_task(self._send(link, event, False))
        return Publisher.publish(self, event)

    async def publish_and_wait(self, event: "Any") -> None:
        """Call the subscribers here, then on each board in turn, and wait until they have ended."""
        await Publisher.publish_and_wait(self, event)
        for link in self.links:
            await self._send(link, event, True)

    async def _send(self, link, event, wait: bool) -> None:
        global _sending
        if _sending >= _MOST:
            self._lost(link, "%d events are on their way already" % _sending)
            return
        _sending += 1
        try:
            arguments = {
                "name": self._name,
                "mark": self._mark,
                "fields": dict(zip(self._names, event)),
                "wait": wait,
            }
            await link._call(".event", 0, arguments)
        except (Fault, PeerError, ValueError) as e:
            self._lost(link, e)
        finally:
            _sending -= 1

    def _lost(self, link, reason) -> None:
        board = link._connections[0].board
        _log.warning("%s was not delivered to %s: %s", self._name, board, reason)
