from torpor import Service


class Log(Service):
    async def add(self, text: str) -> int:
        return await self.store.table("lines").append({"text": text})
