"""A cluster that runs in the simulator, in a thread of its own, for tests that are not async."""

from __future__ import annotations

import asyncio
import json
import secrets
import threading
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import httpx
import pytest

from torpor_sim import Inputs, SimBoard, Simulator

from ...client.rpc import BoardConnection, NotReachedError, connect
from ...closing import Closing
from ...contracts import plan_of
from ...contracts.fingerprint import sent_fingerprint
from ...errors import fail
from ...link import build
from ...model.plan import Plan
from ...project import load_cluster
from ...project.secrets import KEYS_VARIABLE, cluster_keys
from .arguments import find, in_order
from .draw import Placement
from .draw import placed as placed_so
from .mail import Mail, with_own_broker

T = TypeVar("T")
Answer = dict[str, Any]  # what was asked, and what was answered

_START_S = 60.0
_TRIES = 10  # to reach a board that sleeps


class Running(Closing):
    """The cluster in ``root``, placed as ``cluster.toml`` says or as ``placement`` does.

    Use it in a ``with``. ``strict``: calls in memory pass through the wire encoding. ``answers``
    records all requests and answers. ``out`` is the folder for the images; clusters that share it
    must not run at the same time.
    """

    def __init__(
        self,
        root: Path,
        placement: Placement | None,
        out: Path,
        *,
        strict: bool = False,
        **options: Any,
    ) -> None:
        cluster = with_own_broker(load_cluster(root))
        self.plan: Plan = plan_of(placed_so(cluster, placement) if placement else cluster)
        self.answers: list[Answer] = []
        self._keys = cluster_keys(root) or [secrets.token_bytes(32)]
        self._clients: dict[str, httpx.Client] = {}
        self._peers: dict[str, BoardConnection] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv(KEYS_VARIABLE, " ".join(key.hex() for key in self._keys))
            images = [
                build(self.plan, board.name, out, types=False, strict=strict)
                for board in self.plan.boards
            ]
        self.sim = Simulator(images, **{"ports": "os", **options})
        self._mail: Mail | None = None
        if any(board.mailbox for board in self.plan.boards):
            self._mail = Mail(self.plan, root, out / "broker", self.sim)

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            self._do(self._start())
        except BaseException:
            self._end()
            raise
        return self

    async def _start(self) -> None:
        if self._mail:
            await self._mail.start()
        try:
            await self.sim.__aenter__()
            if self._mail:
                await self._mail.ready()
        except BaseException:
            await self._stop()
            raise

    async def _stop(self) -> None:
        await self.sim.stop()
        if self._mail:
            await self._mail.stop()

    def _close(self) -> None:
        try:
            self._do(self._stop())
        finally:
            self._end()

    # What a test does

    def http(self, service: str) -> httpx.Client:
        """A client of the service: of its gateway, if its board has a mailbox.

        Raises:
            UserError: The service has no port.
        """
        if service not in self._clients:
            url, headers = self._address(service)
            self._clients[service] = httpx.Client(
                base_url=url,
                headers=headers,
                timeout=60 if headers else 15,
                trust_env=False,
                limits=httpx.Limits(max_keepalive_connections=0),
                event_hooks={"response": [lambda response: self._note(service, response)]},
            )
        return self._clients[service]

    def _address(self, service: str) -> tuple[str, dict[str, str]]:
        """Return the URL of a service, and the headers that its requests need."""
        try:
            url = self.sim.url(service)
        except KeyError:
            raise fail(f"no service {service} has a port", "see cluster.toml") from None
        home = self.plan.homes(service)[0]
        port = home.service(service).port
        if self._mail is None or home.mailbox is None or port is None:
            return url, {}
        return f"http://127.0.0.1:{self._mail.ports[port]}", {"Torpor-Board": home.name}

    def until(
        self, service: str, path: str, holds: Callable[[Any], bool], timeout: float = 20.0
    ) -> Any:
        """Ask until ``holds`` accepts the JSON of an answer 200, and return it.

        Only the last answer is compared between placements. Raises ``TimeoutError`` after
        ``timeout`` seconds.
        """
        return self._until(service, path, lambda r: r.is_success and holds(r.json()), timeout)

    def until_status(self, service: str, path: str, status: int, timeout: float = 20.0) -> Any:
        """Ask until the answer has that status; its JSON. As ``until``."""
        return self._until(service, path, lambda r: r.status_code == status, timeout)

    def _until(
        self, service: str, path: str, holds: Callable[[httpx.Response], bool], timeout: float
    ) -> Any:
        end = time.monotonic() + timeout
        while True:
            response = self.http(service).get(path)
            if holds(response):
                return response.json()
            if time.monotonic() > end:
                raise TimeoutError(f"{service} {path} still answers {response.text}")
            self.answers.pop()
            time.sleep(0.02)

    def call(self, target: str, /, *arguments: Any, **named: Any) -> Any:
        """Call ``service.method`` as a peer on another board does, route or not.

        ``cluster.call("readings.newest", "fridge-1", limit=5)`` returns what the method returns.

        Raises:
            UserError: There is no such method, or the arguments do not fit it.
            CallError: The method has raised a ``Fault``, or the board could not be reached.
        """
        home, placed, method = find(self.plan, target)
        if placed.entry.on_request:
            what = f"{placed.name} starts on request to its port: no peer can call it"
            raise fail(what, f'ask its routes: cluster.http("{placed.name}")')
        values = in_order(method, arguments, named)
        fingerprint = sent_fingerprint(method, len(values), lambda field: False)
        if not home.sleeps:
            peer = self._peer(home.name)
            return peer.call(placed.name, method.name, values, fingerprint=fingerprint)
        return self._call_sleeper(home.name, placed.name, method.name, values, fingerprint)

    def _call_sleeper(self, board: str, *call: Any) -> Any:
        """Wake a board for a call. It may fall asleep in between, and is woken again."""
        assert self._mail
        *target, fingerprint = call
        for _ in range(_TRIES):
            self._do(self._mail.rouse(board))
            peer = None
            try:
                peer = self._connected(board)
                return peer.call(*target, fingerprint=fingerprint)
            except NotReachedError:
                continue
            finally:
                if peer:
                    peer.close()
        raise fail(f"{board} falls asleep too soon", "set linger_ms of its board")

    def wait_asleep(self, service: str) -> None:
        """Wait until the service's board sleeps deep, if it does so in this placement."""
        home = self.plan.homes(service)[0]
        if home.sleeps and self._mail:
            self._do(self._mail.asleep(home.name))

    def board(self, service: str) -> SimBoard:
        """The board that runs the service."""
        return self.sim.board(self.plan.homes(service)[0].name)

    def inputs(self, service: str) -> Inputs:
        """The inputs of that service's board."""
        return self.board(service).inputs

    def _peer(self, board: str) -> BoardConnection:
        if board not in self._peers:
            self._peers[board] = self._connected(board)
        return self._peers[board]

    def _connected(self, board: str) -> BoardConnection:
        plan = self.plan.board(board)
        url = urlsplit(self.sim.board(board).place.url(plan.port or 0))
        address = (url.hostname or "", url.port or 0)
        return connect(address, board, self._keys)

    def _note(self, service: str, response: httpx.Response) -> None:
        response.read()
        kind = response.headers.get("content-type", "")
        body: Any = response.text
        if kind == "application/json":
            body = json.loads(body)
        request = response.request
        self.answers.append(
            {
                "asked": f"{request.method} {service} {request.url.raw_path.decode()}",
                "status": response.status_code,
                "type": kind,
                "body": body,
            }
        )

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_START_S)

    def _end(self) -> None:
        for client in self._clients.values():
            client.close()
        for peer in self._peers.values():
            peer.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
