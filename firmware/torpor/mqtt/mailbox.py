"""The board's mailbox: takes requests that a broker holds, has them executed, replies.

A session (``Mailbox._session``) reads one packet after the other, and the next only when the
request in it is executed: so what is not worked on stays with the broker. A reply is sent with
QoS 1, and the request is acknowledged when the reply is: until then the broker gives it again.

After subscribing the board sends itself a mark. When that comes back, all that waited before has
come, and the board may sleep.

A request whose client waits for the answer stays with the gateway, so that it can be dropped when
the client hangs up. Only a note of it waits in the mailbox; the board asks for the request then.
"""

import asyncio
import json
import os
from binascii import a2b_base64, hexlify

from micropython import const

from .. import clock, log, loop, port, power, supervise, wifi  # type: ignore[attr-defined]
from ..http.response import error
from ..http.wire import Request
from ..service import Fault
from ..store.database import Store
from ..store.transaction import Windows
from . import packet
from .client import Client, hello
from .execute import Bad, Envelope, Executor, Poison

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel import Kernel

# How long each stage may keep the board awake, in ms.
_CONNECT_MS = const(8000)
_DRAIN_MS = const(5000)  # nats-server gives what a crash left again after its ack_wait of 2 s
_SETTLE_MS = const(3000)  # until the broker has acknowledged what we sent
_EXECUTE_MS = const(60000)
_HELD_MS = const(2000)  # until the gateway has sent a request that we asked for
_CLOSE_MS = const(1500)
# What is more than this waits for the next start.
_MOST = const(200)  # requests
_AGAIN_MS = (1500, 2000, 4000, 8000, 16000, 30000)
_JOIN_MS = const(5)
_PACKET = const(22528)  # bytes: a head of 4 kB, a body of 16 kB, topic and envelope

_LARGE = "the request is larger than the memory that the board has free"

_log = log.Log("mailbox")


class Mailbox:
    """A work source for ``torpor.power``: see docs/power.md."""

    def __init__(self, kernel: "Kernel", broker: tuple) -> None:
        from .. import secrets

        host, number, tls = broker
        self._secrets = secrets.read("mailbox")
        ca = a2b_base64(self._secrets.get("ca", "")) if tls else None
        self._client = Client(host, number, ca)
        board = kernel.cluster.BOARD
        self._name = "torpor-%s-%s" % (kernel.cluster.NAME, board)
        self._base = "torpor/%s/%s" % (kernel.cluster.NAME, board)
        self._answers = "torpor/%s/answers/" % kernel.cluster.NAME
        running = [s for name, s in kernel.services.items() if name not in kernel.failed]
        stores = [s.store for s in running if hasattr(s, "store")]
        own = Store("torpor.mailbox")
        cut = port.reset_cause() == "power-on"
        self._executor = Executor(kernel.listeners, Windows([own] + stores), own, cut)
        self._mark = hexlify(os.urandom(8))
        self._unsettled: dict = {}  # number of a packet of ours -> those of the request it answers
        self._newest = ("", 0)  # the request answered last, by its id, and our packet's number
        self._settled = asyncio.Event()
        self._since = clock.ticks()
        self._for_ms = _CONNECT_MS
        self._left = _MOST
        self._bounded = getattr(kernel.cluster, "POWER", ("",))[0] == "deep"
        self._task: asyncio.Task = None  # type: ignore[assignment]  # set by run
        self._open = self._drained = self._closed = self._working = False
        self._fresh = False  # the broker had no session of ours, so what waited in it is lost
        self._asked: set = set()  # ids of requests that gateways hold for us

    # For the governor

    def busy_ms(self) -> int:
        """How long the board should stay awake for the mailbox."""
        return max(0, self._for_ms - clock.since(self._since)) if self._for_ms else 0

    def _stay(self, ms: int) -> None:
        self._since = clock.ticks()
        self._for_ms = ms or (_HELD_MS if self._asked else 0)

    async def close(self, ms: int) -> None:
        """Say that the board sleeps for ``ms``, and leave the broker."""
        self._closed = not self._working
        if self._working or not self._open:
            return
        self._asked.clear()
        status = {"state": "asleep", "ms": ms}
        if clock.synced():
            status["at"] = clock.now()
        try:
            self._say(status)
            await asyncio.wait_for_ms(self._settle(), _CLOSE_MS)
            if self._working or self._asked:  # a request came: the governor asks again
                self._closed = False
                return
            self._client.send(packet.DISCONNECT)
        except (OSError, asyncio.TimeoutError):
            pass
        self._open = False
        self._task.cancel()

    async def _settle(self) -> None:
        while self._unsettled:
            self._settled.clear()
            await self._settled.wait()

    # The connection

    async def run(self) -> None:
        """Stay connected to the broker. Never returns."""
        self._task = asyncio.current_task()  # type: ignore[assignment]
        failures = 0
        while True:
            while not wifi.joined:
                self._stay(_CONNECT_MS)
                await loop.pause(_JOIN_MS)
            self._stay(_CONNECT_MS)
            try:
                await self._session()
            except (OSError, ValueError, asyncio.TimeoutError) as e:
                _log.warning("broker: %s", str(e) or "it does not answer")
            except asyncio.CancelledError:
                if not self._closed:
                    raise
            failures = 0 if self._open or self._closed else failures + 1
            self._open = False
            self._client.close()
            self._stay(0)
            await loop.pause(_AGAIN_MS[min(failures, 5)])

    async def _session(self) -> None:
        client = self._client
        self._unsettled = {}
        self._newest = ("", 0)
        self._asked.clear()
        self._closed = self._drained = False
        lost = json.dumps({"state": "lost"})
        login = self._secrets.get("user", ""), self._secrets.get("password", "")
        greeting = hello(self._name, login[0], login[1], self._base + "/status", lost)
        self._fresh = not await asyncio.wait_for_ms(client.open(greeting, _PACKET), _CONNECT_MS)
        self._open = True
        self._stay(_DRAIN_MS)
        client.send(packet.subscribe(client.next(), self._base + "/in"))
        while True:
            first, body, whole = await client.packet()
            kind = first >> 4
            if kind == packet.PUBLISH:
                await self._take(packet.Published(first, body, whole))
            elif kind == packet.PUBACK:
                self._acknowledged(int.from_bytes(body[:2], "big"))
            elif kind == packet.SUBACK:
                self._subscribed(body[2])

    def _subscribed(self, code: int) -> None:
        """Say that we are awake. Nobody parks a request before a board has said so once: by then
        the broker knows what it has to keep for us.
        """
        if code == 128:
            raise OSError("it refuses the subscription of " + self._base + "/in")
        if self._fresh:
            self._asked.add("")  # gateways that hold requests have to announce them again
        self._say({"state": "awake", "address": wifi.info().get("address")})
        self._publish(self._base + "/in", self._mark, False)

    def _say(self, status: dict) -> None:
        if self._fresh:
            status["fresh"] = self._mark.decode()  # a gateway may hear it several times
        self._publish(self._base + "/status", json.dumps(status).encode(), True)

    def _publish(self, topic: str, payload: bytes, retain: bool, *answers: int) -> int:
        """Publish; when the broker has it, the request numbered ``answers`` is acknowledged."""
        number = self._client.next()
        self._unsettled[number] = answers
        self._client.send(packet.publish(number, topic, payload, retain))
        return number

    def _acknowledged(self, number: int) -> None:
        for answered in self._unsettled.pop(number, ()):
            self._acknowledge(answered)
        self._settled.set()
        if not self._unsettled and self._drained:
            self._stay(0)

    def _acknowledge(self, number: int) -> None:
        if number:  # 0: it came with QoS 0
            self._client.send(packet.puback(number))

    # A request

    async def _take(self, message: packet.Published) -> None:
        if message.payload == self._mark:
            self._drained = True
            self._acknowledge(message.number)
            self._stay(_SETTLE_MS if self._unsettled else 0)
            return
        if not self._left:
            return
        self._stay(_EXECUTE_MS)
        self._working = True
        try:
            await self._answer(message)
        finally:
            self._working = False
            self._stay(_SETTLE_MS if self._drained else _DRAIN_MS)
        power.touch()
        if self._bounded:
            self._left -= 1
            if not self._left:
                _log.info("what is left waits for the next start")
                self._drained = True

    async def _answer(self, message: packet.Published) -> None:
        """Execute a request and reply."""
        try:
            envelope = Envelope(message.payload, self._answers)
        except Bad as e:
            if len(message.payload) != len(self._mark):  # the mark of an earlier start
                _log.error("a message that is no request: %s", e)
                self._bury("unreadable", e, message.payload)
            self._acknowledge(message.number)
            return
        if envelope.held:
            self._asked.add(envelope.id)
            self._publish(envelope.reply, b"held", False, message.number)
            return
        self._asked.discard(envelope.id)
        if envelope.held == 0:
            self._acknowledge(message.number)
            return
        if message.again and envelope.id == self._newest[0]:
            # It took longer than the broker waits for an acknowledgement, and so came once more.
            number = self._newest[1]
            if number in self._unsettled:
                self._unsettled[number] += (message.number,)
            else:
                self._acknowledge(message.number)
            return
        try:
            if message.whole:
                data = await self._executor.answer(envelope, message.again)
            else:
                _log.warning("request %s is larger than the memory that is free", envelope.id)
                data = await self._executor.refuse(envelope, Fault(413, _LARGE))
        except Poison as e:
            _log.error("request %s: %s", envelope.id, e)
            self._bury(envelope.id, e, message.payload)
            data = error(Request(), Fault(500, str(e)))
        number = self._publish(envelope.reply, data, True, message.number)
        self._newest = (envelope.id, number)

    def _bury(self, id: str, why, payload) -> None:
        """Put a request that cannot be executed where somebody can look at it."""
        head = json.dumps({"id": id, "error": str(why)}).encode()
        self._publish(self._base + "/dead/" + id, head + b"\n" + bytes(payload), True)


def start(kernel: "Kernel") -> None:
    """Begin with ``MAILBOX`` of the wiring: host, port, whether TLS."""
    mailbox = Mailbox(kernel, kernel.cluster.MAILBOX)
    if kernel.budget:
        kernel.budget.places -= 1  # the broker has one of the board's connections
    power.sources.append(mailbox)
    supervise.spawn(_log, mailbox.run)
