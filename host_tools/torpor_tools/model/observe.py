"""Reports of boards about themselves while they run: ``[log]``, ``[metrics]``, ``[traces]``."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import Where

LEVELS = ("debug", "info", "warning", "error")
"""The levels of log lines; the index is the number of ``firmware/torpor/log.py``."""

DEFAULT_LEVEL = "info"


@dataclass(frozen=True)
class Syslog:
    """``[log] syslog``: the server that boards send their lines to, over UDP."""

    host: str
    port: int


@dataclass(frozen=True)
class Metrics:
    """``[metrics]``: which port of a board serves ``/metrics``.

    ``service``: that of this service, on the boards that carry it. ``port``: one of its own, on
    every board. One of the two is None.
    """

    service: str | None
    port: int | None
    where: Where

    @property
    def listener(self) -> str:
        """The name of the listener on a board."""
        return self.service or LISTENER


@dataclass(frozen=True)
class Traces:
    """``[traces]``: requests are traced. ``otlp``: where the gateway sends the traces, or None."""

    otlp: str | None


LISTENER = "metrics"
"""The listener with a port of its own: no service may have this name then."""


@dataclass(frozen=True)
class Observe:
    """The reports that cluster.toml requests; an image without them has no code for them.

    Attributes:
        level: The lowest level that services log.
        levels: Service -> another level for its lines.
        syslog: Where the lines are sent to as well.
        metrics: Where figures are served.
        traces: Whether requests are traced.
    """

    level: str = DEFAULT_LEVEL
    levels: dict[str, str] = field(default_factory=dict)
    syslog: Syslog | None = None
    metrics: Metrics | None = None
    traces: Traces | None = None
