"""Detect a fridge out of its range, without a flood of alerts while it is near the limit."""

OK = "ok"
TOO_COLD = "too cold"
TOO_WARM = "too warm"


def judge(before: str, celsius: float, low: float, high: float, margin: float) -> str:
    """Return the fridge's new state, given the previous one.

    It leaves ``OK`` beyond ``low`` or ``high`` and returns only ``margin`` degrees inside them, or
    in the middle of a range that is too narrow for that.
    """
    margin = min(margin, (high - low) / 2)
    if celsius > high or (before == TOO_WARM and celsius > high - margin):
        return TOO_WARM
    if celsius < low or (before == TOO_COLD and celsius < low + margin):
        return TOO_COLD
    return OK
