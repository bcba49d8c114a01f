"""The gateway's connection to the MQTT broker, for as long as the gateway runs."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import ssl
from collections.abc import Callable, Sequence

import aiomqtt

from ..model.cluster import Mailbox

_log = logging.getLogger("torpor.gateway")
_mqtt_log = logging.getLogger("torpor.gateway.mqtt")
_mqtt_log.setLevel(logging.CRITICAL)  # ``Broker.run`` logs each lost connection itself
_FIRST_S, _LAST_S = 0.1, 5.0
_ACKNOWLEDGED_S = 5.0
_NODELAY = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]


class Broker:
    """Stays connected, passes messages to ``receive``, and publishes until the broker acknowledges.

    Args:
        where: The broker's address.
        login: ``user``, ``password`` and, for ``mqtts``, ``ca`` (PEM), all optional.
        topics: The topics to subscribe to.
        receive: Called with topic and payload of every message.
        echo: Topic below which each connection sends itself a message after it has subscribed. When
            that message comes back, all retained messages have come.
        caught_up: Called with False when a connection begins, and with True at the echo.

    Attributes:
        connected: Set while there is a connection.
    """

    def __init__(
        self,
        where: Mailbox,
        login: dict[str, str],
        topics: Sequence[str],
        receive: Callable[[str, bytes], None],
        echo: str = "",
        caught_up: Callable[[bool], None] = lambda is_caught_up: None,
    ) -> None:
        self._where = where
        self._login = login
        self._topics = topics
        self._receive = receive
        self._name = f"torpor-gateway-{secrets.token_hex(6)}"
        self._echo = f"{echo}/{self._name}" if echo else ""
        self._caught_up = caught_up
        self._client: aiomqtt.Client | None = None
        self.connected = asyncio.Event()

    async def run(self) -> None:
        """Stay connected. Never returns."""
        pause = _FIRST_S
        while True:
            try:
                async with self._new() as client:
                    # All messages are retained, so the next connection gets again what a lost one
                    # has missed. QoS 0 is enough.
                    await client.subscribe([(topic, 0) for topic in self._topics])
                    self._caught_up(False)
                    if self._echo:
                        await client.subscribe(self._echo, 0)
                        await client.publish(self._echo, b"caught up", 0)
                    self._client = client
                    self.connected.set()
                    _log.info("connected to the broker at %s", self._where.url)
                    pause = _FIRST_S
                    async for message in client.messages:
                        topic = str(message.topic)
                        if topic == self._echo:
                            self._caught_up(True)
                        elif isinstance(message.payload, bytes):
                            self._receive(topic, message.payload)
            except aiomqtt.MqttError as error:
                if self.connected.is_set() or pause == _FIRST_S:
                    _log.warning("broker at %s: %s", self._where.url, error)
            finally:
                self.connected.clear()
                self._client = None
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LAST_S)

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Publish with QoS 1, repeatedly until the broker acknowledges it.

        The broker may get the message twice. Limit the time with ``asyncio.timeout``.

        Args:
            topic: The topic.
            payload: The message.
            retain: Whether the broker keeps it for later subscribers.
        """
        while True:
            await self.connected.wait()
            client = self._client
            if client is None:
                continue
            try:
                await client.publish(topic, payload, qos=1, retain=retain, timeout=_ACKNOWLEDGED_S)
                return
            except aiomqtt.MqttError:
                await asyncio.sleep(_FIRST_S)

    def _new(self) -> aiomqtt.Client:
        return client(self._where, self._login, self._name)


def client(where: Mailbox, login: dict[str, str], name: str) -> aiomqtt.Client:
    """Return a connection to the broker, for ``async with``.

    Args:
        where: The broker's address.
        login: ``user``, ``password`` and, for ``mqtts``, ``ca`` (PEM), all optional.
        name: The client's name.
    """
    tls = ssl.create_default_context(cadata=login.get("ca")) if where.tls else None
    return aiomqtt.Client(
        where.host,
        where.port,
        username=login.get("user"),
        password=login.get("password"),
        identifier=name,
        keepalive=15,
        timeout=5,
        tls_context=tls,
        socket_options=_NODELAY,
        logger=_mqtt_log,
    )
