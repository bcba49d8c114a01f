"""The board's mailbox: takes requests that a broker holds, has them executed, responds.

A session (``Mailbox._session``) reads one packet at a time, and the next one only when the request
in it has been executed, so all other requests stay with the broker. A response is sent with QoS 1,
and the request is acknowledged when the response is: until then the broker repeats it.

After it has subscribed, the board sends itself a marker. When the marker comes back, everything
that waited before it has arrived, and the board may sleep. docs/internals/states.md shows the
states.

A request whose client waits for the response stays with the gateway, so that it can be dropped when
the client hangs up. Only a note of it waits in the mailbox; the board then asks for the request.
"""

import asyncio
import json
import os
from binascii import a2b_base64, hexlify

from micropython import const

from .. import Fault, clock, log, loop, port, power, wifi
from ..cold import cold
from ..http.response import error
from ..http.wire import Request
from ..store.database import Store
from ..store.transaction import Windows
from . import client as mqtt
from .execute import Bad, Envelope, Executor, Poison

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..kernel import Kernel
    from .events import Offers
    from .serve import Calls

# States.
OFFLINE = const(0)  # there is no session with the broker
DRAINING = const(1)  # requests that waited in the broker may still come
READY = const(2)  # all of those have come
EXECUTING = const(3)  # a request is being executed
CLOSING = const(4)  # the board is about to sleep and waits until the broker has everything
CLOSED = const(5)  # the session was ended for that sleep

# How long each stage may keep the board awake, in ms.
_CONNECT_MS = const(8000)
_DRAIN_MS = const(5000)  # nats-server repeats what a crash left after its ack_wait of 2 s
_SETTLE_MS = const(3000)  # until the broker has acknowledged what we sent
_EXECUTE_MS = const(60000)
_HELD_MS = const(2000)  # until the gateway has sent a request that we have asked for
_CLOSE_MS = const(1500)
_MAX_REQUESTS = const(200)  # in one wake from deep sleep; more wait for the next one
_RETRY_MS = (1500, 2000, 4000, 8000, 15000)
_JOIN_MS = const(5)
_PACKET = const(22528)  # bytes: a head of 4 kB, a body of 16 kB, topic and envelope

_CALLED = const(0)  # 1 in an image whose services are called while it sleeps: see link/flags.py
_LARGE = "the request is larger than the memory that the board has free"

if _CALLED:
    calls: "Calls" = None  # type: ignore[assignment]  # set by the part mqtt.serve
_OFFERED = const(0)  # 1 in an image that publishes events to the outside
if _OFFERED:
    offers: "Offers" = None  # type: ignore[assignment]  # set by the part mqtt.events
_log = log.Log("mailbox")


class Mailbox:
    """A work source for ``torpor.power``: see docs/power.md."""

    executor = Executor

    def __init__(self, kernel: "Kernel", broker: tuple) -> None:
        from .. import secrets

        host, number, tls = broker
        self._secrets = secrets.read("mailbox")
        ca = a2b_base64(self._secrets.get("ca", "")) if tls else None
        self._client = mqtt.Client(host, number, ca)
        board = kernel.cluster.BOARD
        self._name = "torpor-%s-%s" % (kernel.cluster.NAME, board)
        self._base = "torpor/%s/%s" % (kernel.cluster.NAME, board)
        self._answers = "torpor/%s/answers/" % kernel.cluster.NAME
        running = [s for name, s in kernel.services.items() if name not in kernel.failed]
        stores = [s.store for s in running if hasattr(s, "store")]
        own = Store("torpor.mailbox")
        cut = port.reset_cause() == "power-on"
        self._executor = self.executor(kernel.listeners, Windows([own] + stores), own, cut)
        self._marker = hexlify(os.urandom(8))
        self._unsettled: dict = {}  # number of a sent packet -> numbers of requests it responds to
        self._newest = ("", 0)  # id of the last request, and number of the packet with its response
        self._settled = asyncio.Event()
        self._since = clock.ticks()  # the board stays awake for _for_ms from here on
        self._for_ms = _CONNECT_MS
        deep = getattr(kernel.cluster, "POWER", ("",))[0] == "deep"
        self._left = _MAX_REQUESTS if deep else -1  # requests that are still taken; -1: all
        self._task: asyncio.Task = None  # type: ignore[assignment]  # set by run
        self._state = OFFLINE
        self._connection = ""  # the name of this connection once it has subscribed
        self._fresh = ""  # the last one for which the broker had no session: what waited is lost
        self._asked: set = set()  # ids of requests that gateways hold for us

    # For the governor

    def busy_ms(self) -> int:
        """Return for how many ms the board should stay awake for the mailbox."""
        return max(0, self._for_ms - clock.since(self._since)) if self._for_ms else 0

    def _stay(self, ms: int) -> None:
        self._since = clock.ticks()
        self._for_ms = ms or (_HELD_MS if self._asked else 0)

    async def close(self, ms: int) -> None:
        """Report that the board sleeps for ``ms``, and leave the broker.

        If a request comes meanwhile, the board stays online.
        """
        # Gateways take a status as proof that we have subscribed, so none goes out before that.
        if self._state == OFFLINE or self._state > READY or not self._connection:
            if _OFFERED and self._state <= READY:
                offers.abandon()
            return
        self._state = CLOSING
        self._asked.clear()
        status = {"state": "asleep", "ms": ms}
        if clock.synced():
            status["at"] = clock.now()
        try:
            self._send_status(status)
            await asyncio.wait_for_ms(self._settle(), _CLOSE_MS)
        except (OSError, asyncio.TimeoutError):
            pass
        if self._state == CLOSING and self._asked:
            self._state = READY
        if self._state != CLOSING:  # a request came, or the connection is lost
            return
        try:
            self._client.send(mqtt.DISCONNECT)
        except OSError:
            pass
        if _OFFERED:
            offers.abandon()
        self._state = CLOSED
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
                _no_broker(str(e) or "it does not answer")
            except asyncio.CancelledError:
                if self._state != CLOSED:
                    raise
            failures = failures + 1 if self._state == OFFLINE else 0
            self._state = OFFLINE
            if _OFFERED:
                offers.offline()
            self._client.close()
            self._stay(0)
            await loop.pause(_RETRY_MS[min(failures, 4)])

    async def _session(self) -> None:
        client = self._client
        self._unsettled = {}
        self._newest = ("", 0)
        self._asked.clear()
        self._connection = ""
        name = hexlify(os.urandom(4)).decode()
        login = self._secrets.get("user", ""), self._secrets.get("password", "")
        greeting = mqtt.hello(self._name, login[0], login[1], self._base + "/lost", name)
        if not await asyncio.wait_for_ms(client.open(greeting, _PACKET), _CONNECT_MS):
            self._fresh = name
        self._state = DRAINING
        self._stay(_DRAIN_MS)
        client.send(mqtt.subscribe(client.next(), self._base + "/in"))
        while True:
            first, body, whole = await client.packet()
            kind = first >> 4
            if kind == mqtt.PUBLISH:
                await self._take(mqtt.Published(first, body, whole))
            elif kind == mqtt.PUBACK:
                self._acknowledged(int.from_bytes(body[:2], "big"))
            elif kind == mqtt.SUBACK:
                self._connection = name
                self._subscribed(body[2])

    def _subscribed(self, code: int) -> None:
        """Report that the board is awake.

        Gateways leave a request for a board only after it has done so once: by then the broker
        knows what to keep for it.
        """
        if code == 128:
            raise OSError("it refuses the subscription of " + self._base + "/in")
        if self._fresh:
            self._asked.add("")  # gateways that hold requests have to announce them again
        self._send_status({"state": "awake", "address": wifi.info().get("address")})
        if _OFFERED:
            offers.online(self)
        self._publish(self._base + "/in", self._marker, False)

    def _send_status(self, status: dict) -> None:
        status["connection"] = self._connection
        # Later connections repeat it: this one may have ended before it had subscribed.
        if self._fresh:
            status["fresh"] = self._fresh
        self._publish(self._base + "/status", json.dumps(status).encode(), True)

    def _publish(self, topic: str, payload: bytes, retain: bool, *answers: int) -> int:
        """Publish; when the broker has it, acknowledge the requests with numbers ``answers``."""
        number = self._client.next()
        self._unsettled[number] = answers
        self._client.send(mqtt.publish(number, topic, payload, retain))
        return number

    def _acknowledged(self, number: int) -> None:
        if _OFFERED:
            offers.acknowledged(number)
        for answered in self._unsettled.pop(number, ()):
            self._acknowledge(answered)
        self._settled.set()
        if not self._unsettled and self._state != DRAINING:
            self._stay(0)

    def _acknowledge(self, number: int) -> None:
        if number:  # 0: it came with QoS 0
            self._client.send(mqtt.puback(number))

    # A request

    async def _take(self, message: mqtt.Published) -> None:
        if message.payload == self._marker:
            if self._state == DRAINING:
                self._state = READY
            self._acknowledge(message.number)
            self._stay(_SETTLE_MS if self._unsettled else 0)
            return
        if not self._left:
            return
        self._stay(_EXECUTE_MS)
        draining = self._state == DRAINING
        self._state = EXECUTING
        try:
            await self._respond(message)
        finally:
            self._state = DRAINING if draining else READY
            self._stay(_DRAIN_MS if draining else _SETTLE_MS)
        power.touch()
        if self._left > 0:
            self._left -= 1
            if not self._left:
                _log.info("further requests wait for the next start")
                self._state = READY

    async def _respond(self, message: mqtt.Published) -> None:
        """Execute a request and publish the response."""
        try:
            envelope = Envelope(message.payload, self._answers)
        except Bad as e:
            if len(message.payload) != len(self._marker):  # not the marker of an earlier start
                _log.error("a message is not a request: %s", e)
                self._bury("unreadable", e, message.payload)
            self._acknowledge(message.number)
            return
        if _CALLED and envelope.service == "~":
            if envelope.held is None and message.whole and not calls.is_genuine(envelope):
                envelope.held = 1  # sealed for an earlier start: have it sent again
        if envelope.held:
            self._asked.add(envelope.id)
            text = b"held"
            if _CALLED and envelope.service == "~":
                text = calls.greeting()
            self._publish(envelope.reply, text, False, message.number)
            return
        self._asked.discard(envelope.id)
        if envelope.held == 0:
            self._acknowledge(message.number)
            return
        if message.is_duplicate and envelope.id == self._newest[0]:
            # It took longer than the broker waits for an acknowledgement: the broker repeated it.
            number = self._newest[1]
            if number in self._unsettled:
                self._unsettled[number] += (message.number,)
            else:
                self._acknowledge(message.number)
            return
        try:
            if message.whole:
                data = await self._executor.answer(envelope, message.is_duplicate)
            else:
                _log.warning("request %s is larger than the memory that is free", envelope.id)
                data = await self._executor.refuse(envelope, Fault(413, _LARGE))
        except Poison as e:
            _log.error("request %s: %s", envelope.id, e)
            self._bury(envelope.id, e, message.payload)
            data = error(Request(), Fault(500, str(e)))
        if _CALLED and envelope.service == "~":
            data = calls.seal(envelope, data)
        number = self._publish(envelope.reply, data, True, message.number)
        self._newest = (envelope.id, number)

    def _bury(self, id: str, why, payload) -> None:
        """Publish a request that cannot be executed to a topic for dead letters."""
        head = json.dumps({"id": id, "error": str(why)}).encode()
        self._publish(self._base + "/dead/" + id, head + b"\n" + bytes(payload), True)


@cold
def _no_broker(why: str) -> None:
    from ..log import incident

    incident("broker", "mailbox", "", "broker: " + why)


def start(kernel: "Kernel") -> None:
    """Start the mailbox with the broker of the wiring: host, port, whether TLS."""
    begin(kernel, Mailbox(kernel, kernel.cluster.MAILBOX))


def begin(kernel: "Kernel", mailbox: Mailbox) -> None:
    """Connect a mailbox to its broker, and keep the board awake for it."""
    if kernel.budget:
        kernel.budget.places -= 1  # the broker has one of the board's connections
    power.sources.append(mailbox)
    loop.spawn(_log, mailbox.run)
