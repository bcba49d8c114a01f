from torpor import Service


class Clock(Service):
    async def start(self) -> None:
        self.state["ticks"] = 0
