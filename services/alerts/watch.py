"""What is known of one fridge, and what a new temperature makes of it."""

from .book import Book
from .hysteresis import OK, TOO_COLD, TOO_WARM, judge

NO_READING = "no reading"


class Watch:
    """A fridge with its range (degrees), its state and the alert that is not over, if any."""

    def __init__(self, fridge: str, low: float, high: float) -> None:
        self.fridge = fridge
        self.low = low
        self.high = high
        self.state = OK
        self._alert: dict | None = None

    def see(self, celsius: float | None, margin: float, book: Book, now: int) -> bool:
        """Take in a temperature, None if there was none, and enter into ``book`` what follows.

        Returns whether the fridge's state has changed.
        """
        if celsius is None:
            state = NO_READING
        else:
            state = judge(self.state, celsius, self.low, self.high, margin)
        if state != self.state:
            self._change(state, celsius, book, now)
            return True
        if self._alert and celsius is not None and self._is_worse(celsius, self._alert["celsius"]):
            book.worsen(self._alert, celsius)
        return False

    def as_dict(self) -> dict:
        """The range and the state, ready to be sent."""
        return {"low": self.low, "high": self.high, "state": self.state}

    def _change(self, state: str, celsius: float | None, book: Book, now: int) -> None:
        if self._alert:
            book.end(self._alert, now)
        self._alert = None if state == OK else book.begin(self.fridge, state, celsius, now)
        self.state = state

    def _is_worse(self, celsius: float, worst: float) -> bool:
        if self.state == TOO_COLD:
            return celsius < worst
        return self.state == TOO_WARM and celsius > worst
