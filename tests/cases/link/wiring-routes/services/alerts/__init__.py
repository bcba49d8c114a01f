"""Every kind of route: fixed, with parameters, a literal beside a parameter, streamed, typed."""

from collections.abc import AsyncIterator
from typing import Any

from torpor import Service, delete, get, post, put


class Alerts(Service):
    @get("/")
    async def index(self) -> str:
        return "alerts"

    @get("/alerts/<fridge>")
    @get("/fridges/<fridge>/alerts")
    async def of(self, fridge: str, limit: int = 10, since: int | None = None) -> list[dict]:
        return []

    @get("/alerts/open")
    async def open_alerts(self) -> list[dict]:
        return []

    @post("/alerts/<id>/acknowledge")
    async def acknowledge(self, id: int, by: str) -> None:
        pass

    @put("/alerts/<id>/notes/<urgent>")
    async def annotate(
        self, urgent: bool, id: int, text: str, tags: list[str] | None = None, extra: Any = None
    ) -> dict:
        return {}

    @delete("/alerts/<id>")
    async def forget(self, id: int) -> None:
        pass

    @get("/history.csv", content_type="text/csv")
    async def history_csv(self, scale: float = -1.5) -> AsyncIterator[str]:
        yield "time,fridge\n"

    @get("/badge", content_type="image/svg+xml")
    async def badge(self) -> str:
        return "<svg/>"

    async def for_peers_only(self, settings: dict[str, int]) -> None:
        pass
