"""Stands in for the sensors."""


class Sensors:
    def __init__(self):
        self.celsius = {"fridge-1": 4.5, "fridge-2": None}

    async def fridges(self):
        return sorted(self.celsius)

    async def temperatures(self):
        return self.celsius

    async def temperature(self, fridge):
        return self.celsius[fridge]

    async def probe(self, fridge):
        return {"fridge": fridge}
