"""Hours beside the minutes, ``{"fridge-1": [lowest, mean, highest], ...}``, made of the minutes.

The last hour is not over, so it is left to the service.
"""

HOUR = 3600


def hours(minutes):
    begun = None
    sums = {}
    for time, row in minutes:
        if begun is not None and begun != time // HOUR * HOUR:
            yield begun, {f: [low, total // n, high] for f, (low, total, high, n) in sums.items()}
            sums.clear()
        begun = time // HOUR * HOUR
        for fridge, value in row.items():
            low, total, high, n = sums.get(fridge, (value, 0, value, 0))
            sums[fridge] = (min(low, value), total + value, max(high, value), n + 1)


def up(db):
    db.fill("hours", hours(db.scan("minutes")))
