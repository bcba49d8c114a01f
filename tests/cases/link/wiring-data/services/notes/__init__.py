from torpor import Service


class Notes(Service):
    async def start(self) -> None:
        self._notes = self.store.table("notes")
        self.state["starts"] = self.state.get("starts", 0) + 1
