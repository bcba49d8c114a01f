"""Stands in for the readings."""

from torpor import clock


class Readings:
    def __init__(self):
        self.celsius = {"fridge-1": 5.0, "fridge-2": 5.0}

    async def fridges(self):
        return sorted(self.celsius)

    async def newest(self, fridge, limit=1):
        celsius = self.celsius[fridge]
        return [] if celsius is None else [{"time": clock.now(), "celsius": celsius}]

    async def revision(self):
        return 0

    async def window(self, fridge, since, until, points=120):
        return []
