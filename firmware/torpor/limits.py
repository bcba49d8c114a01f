"""Limits of the values in a contract: ``Annotated[int, Range(1, 100)]``.

They exist in annotations only. The build reads them from the source, and no image has this module.
"""


class Range:
    """The smallest and the largest number; None for no limit."""

    def __init__(self, low: float | None = None, high: float | None = None) -> None:
        self.low = low
        self.high = high


class Length:
    """The smallest and the largest number of characters of a string; None for no limit."""

    def __init__(self, low: int = 0, high: int | None = None) -> None:
        self.low = low
        self.high = high


class Pattern:
    """A regular expression that a whole string matches."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
