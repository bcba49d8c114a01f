from collections.abc import AsyncIterator

from services.notes import Notes
from torpor import Service, get

from . import parts


class Page(Service):
    notes: Notes

    @get("/page/<number>")
    async def page(self, number: int) -> dict:
        return {"title": self.config["title"], "notes": await self.notes.newest(number)}

    @get("/page.txt", content_type="text/plain")
    async def text(self) -> AsyncIterator[str]:
        yield parts.HEAD
