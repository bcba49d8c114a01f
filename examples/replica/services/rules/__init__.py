from torpor import Fault, Service, get

_OPENS = {"mon": 8, "tue": 8, "wed": 8, "thu": 8, "fri": 7}  # hour


class Rules(Service):
    """Opening hours. It keeps no data, so every replica gives the same response."""

    @get("/opens/<day>")
    async def opens(self, day: str) -> int:
        """Return the hour at which the hall opens. Raises 404 for a day on which it is closed."""
        if day not in _OPENS:
            raise Fault(404, "closed on %s" % day)
        return _OPENS[day]
