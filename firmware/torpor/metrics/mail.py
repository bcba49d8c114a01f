"""Counts the requests out of the mailbox, and sends the figures before a sleep."""

from .. import clock
from ..http.budget import SERVING
from ..mqtt import execute
from ..mqtt.mailbox import Mailbox
from . import count as count_response

_find = execute.find  # type: ignore[attr-defined]
_serve = execute.Executor._serve
_say = Mailbox._say
_last: list = [None, None]  # listener and handler of the request: one is executed at a time


def count() -> None:
    """Count from now on."""
    execute.find = _found  # type: ignore[attr-defined]
    execute.Executor._serve = _served  # type: ignore[method-assign]
    Mailbox._say = _say_figures  # type: ignore[method-assign,assignment]


def _found(listener, request):
    _last[0] = _last[1] = listener
    _last[1] = _find(listener, request)
    return _last[1]


async def _served(executor, request, envelope):
    began = clock.ticks()
    _last[0] = None
    data = await _serve(executor, request, envelope)
    if _last[0]:
        count_response(_last[1], _last[0], data, SERVING, clock.since(began))
    return data


def _say_figures(mailbox, status) -> None:
    if status["state"] == "asleep":
        from . import report

        try:
            status["metrics"] = report.snapshot()
        except MemoryError:
            pass  # the gateway keeps the previous ones
    _say(mailbox, status)
