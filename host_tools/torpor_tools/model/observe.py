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
class Observe:
    """The reports that cluster.toml asks for; an image without them has no code for them.

    Attributes:
        level: From which level on lines of services are logged.
        levels: Service -> another level for its lines.
        syslog: Where the lines are sent to as well.
    """

    level: str = DEFAULT_LEVEL
    levels: dict[str, str] = field(default_factory=dict)
    syslog: Syslog | None = None
    where: Where | None = None
