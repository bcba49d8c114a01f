"""Calls to boards that sleep, through the broker: docs/wire.md, "Through the mailbox".

A stub uses ``Sleeper`` instead of ``rpc.client.Connection``. All sleepers of a board share one
connection to the broker (``Post``), which is open while calls wait and for a while afterwards.
"""

import asyncio
import json
import os
from binascii import a2b_base64, hexlify

from micropython import const

from .. import Fault, clock, kernel
from ..log import Log
from ..rpc import frames
from ..rpc.client import Waiting
from ..rpc.retry import Lost
from . import client as mqtt

_CONNECT_MS = const(8000)
_RETRY_MS = const(1000)
_ALIVE_S = const(60)
_PACKET = const(40960)  # bytes: the largest response, and its topic
_IDLE = const(0)  # as in torpor.http.budget
_SERVING = const(4)
_log = Log("remote")


class _Call:
    """A call that waits for its board to wake, or for its response."""

    def __init__(self, post: "Post", board: str, parts: tuple, ms: int, safe: bool) -> None:
        self.id = str(hexlify(os.urandom(8)), "utf-8")
        self.board = board
        self.message = b""  # the last message to the broker: the note, or the call
        self.sent = False  # whether it is the call
        self.waiting = Waiting()
        self._post = post
        self._parts = parts  # fingerprint, target, arguments
        self._safe = safe
        self._ms = ms
        self._since = clock.ticks()
        self._codes: list = []
        self._used: set = set()  # nonces

    def left(self) -> int:
        """Return how many ms the caller still waits."""
        return max(0, self._ms - clock.since(self._since))

    def envelope(self, held: "int | None" = None, key: bytes = b"") -> bytes:
        """Return the line before a call; with ``held``, a note without the call."""
        head: dict = {"id": self.id, "reply": self._post.answers + self.id, "service": "~"}
        if held is None:
            head["from"] = self._post.here
            head["key"] = str(key, "utf-8")
            if self._safe:
                head["safe"] = 1
        else:
            head["held"] = held
        return json.dumps(head).encode() + b"\n"

    def seal(self, payload: bytes) -> bool:
        """Seal the call for a board that is awake; return whether to send it."""
        words = payload.split(b" ")
        if words[1] in self._used:
            return False
        for key in frames.keys():
            name = frames.key_name(key)
            if name in words[2:]:
                ends = self._post.here.encode(), self.board.encode()
                codes = frames.pair(key, ends[0], ends[1], self.id.encode(), words[1])
                fingerprint, target, arguments = self._parts
                frame = frames.call(0, self.left(), fingerprint, target, "", arguments)
                self._codes.append(codes[1])
                self._used.add(words[1])
                self.message = self.envelope(None, name) + codes[0].seal(frame)
                self.sent = True
                return True
        self.waiting.set(Lost("it knows no key of this board", False))
        return False

    def answered(self, payload: bytes) -> None:
        """Accept the response if its code is right for this call."""
        for code in self._codes:
            if len(payload) > frames.CODE and code.check(payload):
                self.waiting.set(_parsed(payload))
                return
        _log.error("%s: its answer is not signed with the cluster's key", self.board)


def _parsed(payload: bytes) -> tuple:
    """Return status, kind and frame of a response, like ``Connection.call``."""
    status = int(payload[9:12])
    body = payload[payload.find(b"\r\n\r\n") + 4 : -frames.CODE]
    if payload[13:14] == b"~":
        kind = payload[14] - 48
    else:  # a refusal of the mailbox itself
        kind = frames.FAULT
        body = json.dumps((json.loads(body)["error"], None)).encode()
    return status, kind, frames.answer(0, status, kind, body) + bytes(frames.CODE)


def _hello(client: str, user: str, password: str) -> bytes:
    """Return a CONNECT (3.1) to a session that ends with the connection, without a will."""
    flags = 0xC2 if user else 2
    login = mqtt.string(user) + mqtt.string(password) if user else b""
    head = b"\0\4MQTT\4" + bytes((flags,)) + _ALIVE_S.to_bytes(2, "big")
    return mqtt.packet(0x10, head, mqtt.string(client), login)


class Post:
    """The connection of the board ``here`` to the broker, for its calls.

    Args:
        cluster: The name of the cluster.
        here: The name of this board.
        host: The broker's host name or address.
        port: Its port.
        tls: Whether it speaks TLS.
    """

    def __init__(self, cluster: str, here: str, host: str, port: int, tls: bool) -> None:
        self.here = here
        self._base = "torpor/%s/" % cluster
        self.answers = "%sanswers/%s/" % (self._base, here)
        self._where = host, port, tls
        self._client: mqtt.Client | None = None
        self._ready = False  # whether the broker has the subscription
        self._task: asyncio.Task | None = None
        self._calls: dict[str, _Call] = {}
        self._reason = "the broker is not reached"
        # For the budget of connections.
        self.state = _IDLE
        self.since = 0
        self.stalled: int | None = None

    async def call(self, board: str, parts: tuple, ms: int, safe: bool) -> tuple:
        """Make a call. Raises ``Lost`` if there is no response within ``ms``."""
        call = _Call(self, board, parts, ms, safe)
        call.message = call.envelope(1)
        self._calls[call.id] = call
        self.state = _SERVING
        if not self._task:
            self._task = asyncio.create_task(self._run())
        elif self._ready:
            self._send(call.board, call.message)
        try:
            await asyncio.sleep_ms(ms)
            response = call.waiting.value
        finally:
            del self._calls[call.id]
            if not self._calls:
                self.state = _IDLE
                self.since = clock.ticks()
            if self._ready and not call.sent:
                self._send(board, call.envelope(0))  # so that it does not ask for this call
        if isinstance(response, Lost):
            raise response
        if response is None:
            reason = "no answer" if call.sent else "it did not wake"
            raise Lost(reason if self._ready else self._reason, call.sent, True)
        return response

    def _send(self, board: str, message: bytes) -> None:
        self._publish(self._base + board + "/in", message)

    def _publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publish; if the connection is lost, the next one repeats what still matters."""
        client: mqtt.Client = self._client  # type: ignore[assignment]
        try:
            client.send(mqtt.publish(client.next(), topic, payload, retain))
        except OSError:
            pass

    async def _run(self) -> None:
        budget = kernel.current and kernel.current.budget
        try:
            while self._calls:
                if budget and not await budget.admit_outgoing(self):
                    self._reason = "all connections of this board are busy"
                    continue
                try:
                    await self._session()
                except (OSError, ValueError, asyncio.TimeoutError) as e:
                    self._reason = "broker: %s" % (str(e) or "it does not answer")
                finally:
                    self._ready = False
                    if self._client:
                        self._client.close()
                        self._client = None
                    if budget:
                        budget.remove(self)
                if self._calls:
                    await asyncio.sleep_ms(_RETRY_MS)
        finally:
            self._task = None

    async def _session(self) -> None:
        from .. import secrets

        login = secrets.read("mailbox")
        host, port, tls = self._where
        client = mqtt.Client(host, port, a2b_base64(login.get("ca", "")) if tls else None)
        self._client = client
        name = self._base.replace("/", "-") + self.here + "-calls"
        user, password = login.get("user", ""), login.get("password", "")
        hello = _hello(name, user, password)
        await asyncio.wait_for_ms(client.open(hello, _PACKET), _CONNECT_MS)
        client.send(mqtt.subscribe(client.next(), self.answers + "+"))
        client.send(mqtt.subscribe(client.next(), self._base + "+/status"))
        while True:
            first, body, _ = await client.packet()
            kind = first >> 4
            if kind == mqtt.SUBACK and not self._ready:
                if body[2] == 128:
                    raise OSError("it refuses the subscription of " + self.answers)
                self._ready = True
                for call in self._calls.values():
                    self._send(call.board, call.message)
            elif kind == mqtt.PUBLISH:
                message = mqtt.Published(first, body, True)
                if message.number:
                    client.send(mqtt.puback(message.number))
                self._take(message)

    def _take(self, message: mqtt.Published) -> None:
        payload = bytes(message.payload)
        parts = message.topic.split("/")
        if parts[-1] == "status":
            # Until a board has been connected once, the broker keeps nothing for it.
            if b'"awake"' in payload:
                for call in self._calls.values():
                    if call.board == parts[-2] and not call.sent:
                        self._send(call.board, call.message)
            return
        pending = self._calls.get(parts[-1])
        if payload[:5] == b"held ":
            if pending and pending.seal(payload):
                self._send(pending.board, pending.message)
        elif payload:
            self._publish(message.topic, b"", True)  # the broker need not keep it
            if pending:
                pending.answered(payload)

    def drop(self) -> None:
        """Close the connection: the budget needs its slot."""
        if self._task:
            self._task.cancel()


class Sleeper:
    """A sleeping board, for a stub: has the methods of ``rpc.client.Connection`` that stubs use.

    Args:
        post: The connection to the broker.
        board: The name of the board.
    """

    def __init__(self, post: Post, board: str) -> None:
        self.here = post.here
        self.board = board
        self.breaker = self
        self.failures = 0  # of the breaker, which never opens: the board is expected not to respond
        self._post = post

    async def call(
        self, target: str, fingerprint: int, id: str, arguments: tuple, ms: int, retry: int
    ) -> tuple:
        """Make a call, as ``Connection.call`` does. The mailbox executes it once."""
        frame = frames.call(0, ms, fingerprint, target, "", arguments)
        if len(frame) > frames.MAX_CALL - frames.CODE:
            raise Fault(413, "%s: the arguments are larger than 16 kB" % target)
        parts = fingerprint, target, arguments
        return await self._post.call(self.board, parts, ms, retry == 1)

    def closed(self) -> bool:
        """Return whether calls pass."""
        return True

    def is_starting(self) -> bool:
        """Return whether waiting is worthwhile: the broker waits for the board."""
        return False

    def suspect(self, ms: int) -> None:
        """Do nothing: a board may stay silent although the connection works."""
