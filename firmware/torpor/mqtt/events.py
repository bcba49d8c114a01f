"""Publishes events at the broker, as JSON, for programs outside the cluster: docs/events.md.

An image has this module if a service offers events and the board has a mailbox. An event is sent
again over the next connection until the broker has acknowledged it.
"""

from micropython import const

from ..http.response import _json
from ..log import Log
from . import mailbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ..kernel import Kernel

_MOST = const(16)  # events that wait for the broker; more are dropped, or they could fill the heap
_SENT_MS = const(3000)  # until the broker has acknowledged an event

_log = Log("events")
_unsettled: list = []  # [number of its packet or 0, name, JSON] of each, oldest first


class Offers:
    """Sends what waits in ``_unsettled``.

    Args:
        topic: The topic of an event, with %s for the event's name.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._mailbox: "mailbox.Mailbox | None" = None  # while it is connected

    def online(self, mailbox: "mailbox.Mailbox") -> None:
        """Publish everything that waits, over a connection that has just begun."""
        self._mailbox = mailbox
        for entry in _unsettled:
            self.send(entry)

    def offline(self) -> None:
        """Note that the connection has ended."""
        self._mailbox = None

    def send(self, entry: list) -> None:
        """Publish an event, if there is a connection."""
        box = self._mailbox
        if box:
            try:
                entry[0] = box._publish(self._topic % entry[1], entry[2], False)
                if box._state == mailbox.READY:
                    box._stay(_SENT_MS)
            except OSError:
                pass  # the connection has ended: the next one sends it

    def acknowledged(self, number: int) -> None:
        """Note that the broker has the packet with that number."""
        for entry in _unsettled:
            if entry[0] == number:
                _unsettled.remove(entry)
                return

    def abandon(self) -> None:
        """Report the events that are lost because the board sleeps deep now."""
        if _unsettled:
            _log.warning("%d events did not reach the broker before sleep", len(_unsettled))


def offer(name: str, fields: "tuple[str, ...]") -> "Callable[[Any], None]":
    """Return a subscriber that publishes the events of a class.

    Args:
        name: The class.
        fields: The names of its fields.
    """

    def send(event):
        if len(_unsettled) >= _MOST:
            _log.warning("%s was not published: %d wait for the broker already", name, _MOST)
            return
        entry = [0, name, _json(dict(zip(fields, event)))]
        _unsettled.append(entry)
        if mailbox.offers:
            mailbox.offers.send(entry)

    return send


def start(kernel: "Kernel") -> None:
    """Let the mailbox, which has not connected yet, publish below the cluster's topic."""
    mailbox.offers = Offers("torpor/%s/events/%%s" % kernel.cluster.NAME)
