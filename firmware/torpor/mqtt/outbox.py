"""The publisher's side of events that arrive exactly once; ``durable`` is the other side.

An event is in the outbox, which is in flash, until the broker has acknowledged it. The outbox sends
one event at a time, in the order in which they were published. It may send one again: the
subscriber's board knows its id.
"""

import asyncio
import json
import os
from binascii import hexlify

from micropython import const

from .. import Fault, loop
from ..events import RemotePublisher
from ..log import Log
from ..store.database import Store
from . import durable
from .mailbox import DRAINING, EXECUTING, OFFLINE, READY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..kernel import Kernel

_MOST = const(1500)  # bytes of an event, a row of the outbox
_WAITING = const(200)  # events in the outbox
_SENT_MS = const(3000)  # until the broker has acknowledged an event
_AGAIN_MS = const(100)


class Outbox:
    """The events that the broker has not acknowledged.

    Attributes:
        online: Set when the mailbox may be ready to send.
    """

    def __init__(self, mailbox: "durable.Durable", cluster: str) -> None:
        self.online = asyncio.Event()
        self._mailbox = mailbox
        self._table = Store("torpor.outbox").table("events")
        self._topic = "torpor/%s/%%s/in" % cluster
        self._put = asyncio.Event()
        self._flying = 0  # number of the packet with the event that is on its way
        self._landed = asyncio.Event()

    async def put(self, board: str, text: str) -> None:
        """Keep an event for a board. When this returns, it is in flash. Raises ``Fault``."""
        if await self._table.count() >= _WAITING:
            raise Fault(503, "%d events wait for the broker already" % _WAITING)
        await self._table.append({"to": board, "text": text})
        if self._mailbox._state != OFFLINE:
            self._mailbox._stay(_SENT_MS)  # the board stays awake until it is sent
        self._put.set()

    async def send(self) -> None:
        """Hand the events to the broker, one by one. Never returns."""
        while True:
            self._put.clear()
            async for key, row in self._table.scan():
                await self._deliver(row["to"], row["text"])
                await self._table.delete(key)
            await self._put.wait()

    async def _deliver(self, board: str, text: str) -> None:
        """Publish until the broker acknowledges it."""
        while True:
            if self._mailbox._state not in (DRAINING, READY, EXECUTING):
                self.online.clear()
                await self.online.wait()
                continue
            self._landed.clear()
            try:
                topic = self._topic % board
                self._flying = self._mailbox._publish(topic, text.encode(), False)
                await asyncio.wait_for_ms(self._landed.wait(), _SENT_MS)
                return
            except (OSError, asyncio.TimeoutError):
                self._flying = 0
                await asyncio.sleep_ms(_AGAIN_MS)

    def acknowledged(self, number: int) -> None:
        """Note that the broker has the packet of that number."""
        if number == self._flying:
            self._flying = 0
            self._landed.set()


class DurablePublisher(RemotePublisher):
    """Publishes the events of one class here and to other boards, to some of them durably.

    Attributes:
        keepers: The names of the boards with a durable subscriber.
    """

    keepers: "tuple[str, ...]" = ()

    async def publish(self, event: "Any") -> None:
        """Keep the event for durable subscribers, then publish it. Raises ``Fault``."""
        await self._keep(event)
        RemotePublisher.publish(self, event)

    async def publish_and_wait(self, event: "Any") -> None:
        """Publish, and wait as ``RemotePublisher`` does, but not for durable subscribers."""
        await self._keep(event)
        await RemotePublisher.publish_and_wait(self, event)

    async def _keep(self, event: "Any") -> None:
        if not (durable.own and durable.own.outbox):
            raise Fault(503, "%s: the mailbox has not started yet" % self._name)
        for board in self.keepers:
            id = hexlify(os.urandom(8)).decode()
            fields = json.dumps(dict(zip(self._names, event)))
            text = '{"event":"%s","id":"%s","mark":%d,"fields":%s}' % (
                self._name,
                id,
                self._mark,
                fields,
            )
            if len(text) > _MOST:
                raise Fault(413, "%s: the event is larger than %d bytes" % (self._name, _MOST))
            await durable.own.outbox.put(board, text)


def start(kernel: "Kernel") -> None:
    """Give the mailbox, which has started, its outbox."""
    outbox = durable.own.outbox = Outbox(durable.own, kernel.cluster.NAME)
    loop.spawn(Log("events"), outbox.send)
