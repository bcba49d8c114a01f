"""Detect a fridge out of its range, without a flood of alerts while it sits on the edge."""

OK = "ok"
TOO_COLD = "too cold"
TOO_WARM = "too warm"


def judge(before: str, celsius: float, low: float, high: float, margin: float) -> str:
    """The fridge's state now, given the one before.

    It leaves ``OK`` beyond ``low`` or ``high`` and comes back only ``margin`` degrees inside them,
    or halfway into a range that is narrower than that.
    """
    margin = min(margin, (high - low) / 2)
    if celsius > high or (before == TOO_WARM and celsius > high - margin):
        return TOO_WARM
    if celsius < low or (before == TOO_COLD and celsius < low + margin):
        return TOO_COLD
    return OK
