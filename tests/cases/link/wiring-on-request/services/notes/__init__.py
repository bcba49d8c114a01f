from torpor import Service, get


class Notes(Service):
    @get("/notes")
    async def newest(self, limit: int = 5) -> list[str]:
        return ["a"][:limit]
