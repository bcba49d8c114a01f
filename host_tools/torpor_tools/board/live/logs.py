"""The log of a board over the network: what its ring holds, and what comes after that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from ...client.rpc import NotReachedError
from ...client.tools import Tools
from ...tracebacks import as_sources

LOOK_S = 0.5  # between two questions: the connection is idle then, and clients may take its place
_RETRY_S = 1.0


@dataclass(frozen=True)
class Line:
    """A line of the log, or a remark about it that the board has not written."""

    text: str
    remark: bool = False


class Reader:
    """Reads the log from where the previous answer ended.

    Args:
        tools: The board.
    """

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._boot = ""
        self._since = 0

    def read(self) -> Iterator[Line]:
        """Yield the lines that are new since the last call. Raises ``UserError``."""
        answer: dict[str, Any] = self._tools.ask("log", boot=self._boot, since=self._since)
        board = self._tools.board.name
        if self._boot and answer["boot"] != self._boot:
            yield Line(f"{board} has restarted", remark=True)
        if self._boot and answer["lost"]:
            yield Line(f"{answer['lost']} bytes of the log of {board} are lost", remark=True)
        self._boot, self._since = answer["boot"], answer["end"]
        for text in answer["text"].split("\n")[:-1]:
            yield Line(as_sources(text))


def follow(
    tools: Tools, over: Callable[[], bool], pause: Callable[[float], None] = time.sleep
) -> Iterator[Line]:
    """Yield the lines of a board until ``over()``, even after it was out of reach.

    The first attempt must succeed. Raises ``UserError``.
    """
    reader = Reader(tools)
    yield from reader.read()
    reached = True
    while not over():
        pause(LOOK_S if reached else _RETRY_S)
        try:
            yield from reader.read()
            reached = True
        except NotReachedError as error:
            if reached:
                yield Line(f"{error.problems[0].what}; trying again", remark=True)
            reached = False
