"""The updates and reports that the broker holds for boards that sleep."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiomqtt

from ..errors import fail
from ..model.plan import Plan
from ..project.secrets import broker_login
from ..update.pending import Report, report
from .broker import client
from .message import Topics

T = TypeVar("T")


@dataclass
class Known:
    """Messages about the boards that the broker keeps.

    Attributes:
        reports: Board -> the gateway's report.
        seen: Board -> when it last announced its sleep at the broker, in Unix time.
    """

    reports: dict[str, Report] = field(default_factory=dict)
    seen: dict[str, float] = field(default_factory=dict)


class Desk:
    """The broker of a project's mailboxes. Each call opens its own connection.

    Args:
        plan: The cluster.
        root: Its folder.
    """

    def __init__(self, plan: Plan, root: Path) -> None:
        assert plan.cluster.mailbox
        self._where = plan.cluster.mailbox
        self._login = broker_login(root)
        self._topics = Topics(plan.cluster.name)

    def known(self) -> Known:
        """Read the messages that the broker keeps. Raises ``UserError`` without a connection."""
        known = Known()
        self._run(self._read(known, lambda: False))
        return known

    def leave(self, board: str, update: bytes) -> None:
        """Leave an update for a board; it replaces an earlier one. Raises ``UserError``."""
        self._run(self._leave(board, update))

    def follow(self, board: str, until: Callable[[Report], bool], seconds: float | None) -> bool:
        """Read the reports of a board until one satisfies ``until``.

        Returns:
            Whether one did so within ``seconds`` (None: no limit).

        Raises:
            UserError: The broker cannot be reached.
        """
        known = Known()

        def is_done() -> bool:
            return board in known.reports and until(known.reports[board])

        async def read() -> bool:
            try:
                async with asyncio.timeout(seconds):
                    await self._read(known, is_done, forever=True)
                return True
            except TimeoutError:
                return False

        return self._run(read())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        try:
            return asyncio.run(work)
        except aiomqtt.MqttError as error:
            raise fail(
                f"the broker at {self._where.url} cannot be reached: {error}",
                "start torpor gateway, or the broker that cluster.toml names",
            ) from None

    async def _leave(self, board: str, update: bytes) -> None:
        async with client(self._where, self._login, _name()) as connection:
            await connection.publish(self._topics.update(board), update, qos=1, retain=True)

    async def _read(
        self, known: Known, is_done: Callable[[], bool], *, forever: bool = False
    ) -> None:
        """Read messages until all that the broker keeps have come, or ``forever``."""
        name = _name()
        base = self._topics.report("+"), self._topics.status("+")
        marker = f"{self._topics.echo}/{name}"
        async with client(self._where, self._login, name) as connection:
            await connection.subscribe([(topic, 0) for topic in base])
            await connection.subscribe(marker, 0)
            await connection.publish(marker, b"caught up", 0)
            async for message in connection.messages:
                if str(message.topic) == marker:
                    if not forever:
                        return
                elif isinstance(message.payload, bytes):
                    _take(known, str(message.topic).split("/")[-2:], message.payload)
                    if is_done():
                        return


def _take(known: Known, parts: list[str], payload: bytes) -> None:
    board, kind = parts
    try:
        if kind == "report":
            known.reports[board] = report(payload)
        else:
            known.seen[board] = float(json.loads(payload).get("at") or 0)
    except (ValueError, TypeError, AttributeError):
        pass  # of another version of torpor


def _name() -> str:
    return f"torpor-update-{secrets.token_hex(6)}"
