"""Reports how the board itself is doing."""

from torpor import Fault, Service, get, system

from .records import Status

_MOST_LINES = 100


class Device(Service):
    """Identity, uptime, memory, Wi-Fi and the last lines of the log."""

    @get("/device")
    async def status(self) -> Status:
        """The board's name, uptime and cause of start, its heap and its Wi-Fi."""
        return system.info()

    @get("/log")
    async def last_lines(self, lines: int = 20) -> list[str]:
        """The newest lines of the board's log, oldest first. Raises 400."""
        if not 0 < lines <= _MOST_LINES:
            raise Fault(400, "lines: expected 1 to %d, got %d" % (_MOST_LINES, lines))
        return system.log_tail(lines)
