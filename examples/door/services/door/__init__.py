from torpor import Event, Service, clock, daily, get, on_wake, post


class DoorOpened(Event):
    """The door was opened, at this Unix time."""

    at: int


class Door(Service):
    """Records when a door opens, on a board that sleeps in between."""

    async def start(self) -> None:
        self._openings = self.store.table("openings", keep=self.config["keep"])

    @on_wake(pin=4, level=0)  # the contact connects GPIO 4 to ground
    async def opened(self) -> None:
        await self._openings.add({"time": clock.now()})
        self.state["today"] = self.state.get("today", 0) + 1
        self.log.info("opened")
        await self.publish(DoorOpened(at=clock.now()))

    @daily("00:00")
    async def begin_day(self) -> None:
        self.state["today"] = 0

    @get("/openings")
    async def openings(self, limit: int = 10) -> dict:
        """Return how often the door opened today, and the latest times, newest first."""
        times = []
        async for _, row in self._openings.scan(limit=limit, newest=True):
            times.append(row["time"])
        return {"today": self.state.get("today", 0), "times": times}

    @post("/note")
    async def note(self, text: str) -> dict:
        """Store a note; the mailbox keeps the request while the board sleeps."""
        return {"key": await self._openings.add({"time": clock.now(), "note": text})}
