"""``/~metrics``: figures of the gateway, and those that boards sent before they slept."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from ..board.live.figures import Family, families, one, text
from .parking_state import Parked

_log = logging.getLogger("torpor.gateway")
_STATES = ("awake", "asleep", "lost")


def figures_of(parked: Parked, connected: bool, now: float) -> str:
    """The figures in Prometheus's text format; ``now`` is the Unix time."""
    return text(_families(parked, connected, now))


def _families(parked: Parked, connected: bool, now: float) -> Iterator[Family]:
    yield one("torpor_gateway_broker_connected", "gauge", {}, int(connected))
    for board, status in sorted(parked.boards.items()):
        at = {"board": board}
        yield one("torpor_gateway_waiting_requests", "gauge", at, parked.waits(board))
        for state in _STATES:
            labels = at | {"state": state}
            yield one("torpor_board_state", "gauge", labels, int(status.state == state))
        if not status.figures:
            continue
        try:
            # The name in the topic counts, not the one in the message.
            found = list(families(status.figures | at))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            _log.warning("the figures of %s cannot be read: %r", board, error)
            continue
        yield one("torpor_figures_age_seconds", "gauge", at, round(now - status.figures_at))
        yield from found
