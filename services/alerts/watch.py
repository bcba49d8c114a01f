"""The state of one fridge, and how a new temperature changes it."""

from .book import Book
from .hysteresis import OK, TOO_COLD, TOO_WARM, judge
from .records import Alert, SafeRange

NO_READING = "no reading"


class Watch:
    """A fridge with its range (degrees), its state and the alert that is not over, if any."""

    def __init__(self, fridge: str, low: float, high: float, alert: Alert | None) -> None:
        self.fridge = fridge
        self.low = low
        self.high = high
        self.state = alert["kind"] if alert else OK
        self._alert = alert

    async def see(self, celsius: float | None, margin: float, book: Book, now: int) -> bool:
        """Process a temperature (None: there was none), and record the result in ``book``.

        Returns whether the fridge's state has changed.
        """
        if celsius is None:
            state = NO_READING
        else:
            state = judge(self.state, celsius, self.low, self.high, margin)
        if state != self.state:
            await self._change(state, celsius, book, now)
            return True
        if self._alert and celsius is not None and self._is_worse(celsius, self._alert["celsius"]):
            await book.worsen(self._alert, celsius, now)
        return False

    def as_dict(self) -> SafeRange:
        """The range and the state, ready to be sent."""
        return {"low": self.low, "high": self.high, "state": self.state}

    async def _change(self, state: str, celsius: float | None, book: Book, now: int) -> None:
        if self._alert:
            await book.end(self._alert, now)
        self._alert = None
        self.state = state
        if state != OK:
            self._alert = await book.begin(self.fridge, state, celsius, now)

    def _is_worse(self, celsius: float, worst) -> bool:
        if self.state == TOO_COLD:
            return celsius < worst
        return self.state == TOO_WARM and celsius > worst
