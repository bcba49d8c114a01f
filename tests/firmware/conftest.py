from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.helpers.running import Running, running, write_cluster

ITEMS = """
import asyncio
import time
from collections.abc import AsyncIterator

from torpor import Fault, Service, delete, get, post, put


class Items(Service):
    @get("/items/<name>")
    async def item(self, name: str, limit: int = 10) -> dict:
        return {"name": name, "limit": limit}

    @put("/items/<name>")
    async def put_item(self, name: str, value: float, on: bool = False) -> tuple[dict, int]:
        return {"name": name, "value": value, "on": on}, 201

    @delete("/items/<name>")
    async def drop(self, name: str) -> None:
        return None

    @get("/items/special")
    async def special(self) -> str:
        return "a literal beats a parameter"

    @get("/items/special/<n>/twice")
    async def twice(self, n: int) -> dict:
        return {"twice": 2 * n}

    @post("/tags")
    async def tags(
        self, tags: list[str], more: dict | None = None, note: str | None = None
    ) -> dict:
        return {"tags": tags, "more": more, "note": note}

    @post("/nested")
    async def nested(
        self, rows: list[dict[str, float | None]], more: dict[str, list[int]] | None = None
    ) -> dict:
        return {"rows": len(rows), "more": len(more or {})}

    @get("/text")
    async def text(self) -> str:
        return "h\\u00e9"

    @get("/bytes")
    async def raw(self) -> bytes:
        return b"\\0\\1\\2"

    @get("/headers")
    async def headers(self) -> tuple[dict, int, dict]:
        return {}, 202, {"X-Custom": "yes"}

    @get("/list")
    async def listing(self) -> list[int]:
        return [1, 2, 3]

    @get("/lines.csv", content_type="text/csv")
    async def lines(self, count: int = 3) -> AsyncIterator[str]:
        if count < 0:
            raise Fault(400, "count: expected a positive number")
        for i in range(count):
            yield "line %d\\n" % i
            await asyncio.sleep_ms(1)

    @get("/breaks")
    async def breaks(self) -> AsyncIterator[str]:
        yield "one"
        raise ValueError("no more")

    @get("/fault")
    async def fault(self) -> dict:
        raise Fault(409, "it is taken")

    @get("/bug")
    async def bug(self) -> dict:
        raise ValueError("the secret of the inside")

    @get("/wait")
    async def wait(self) -> dict:
        self.log.info("a request waits")
        await asyncio.sleep_ms(4000)
        return {"waited": True}

    @get("/busy/<n>")
    async def busy(self, n: int) -> int:
        time.sleep_ms(15)  # nothing else runs in the meantime
        return n

    @get("/infinite")
    async def infinite(self, what: str) -> dict:
        value = {"nan": 1e999 - 1e999, "inf": 1e999, "-inf": -1e999}.get(what, 1.5)
        return {"info": what, "rows": [{"celsius": value}]}

    @get("/large")
    async def large(self, size: int) -> str:
        return "x" * size
"""

BROKEN = """
from torpor import Service, get


class Broken(Service):
    async def start(self) -> None:
        raise RuntimeError("the probe is missing")

    @get("/state")
    async def condition(self) -> dict:
        return {}
"""

CALLER = """
from torpor import Service, get

from services.broken import Broken
from services.items import Items


class Caller(Service):
    items: Items
    broken: Broken

    @get("/through/<name>")
    async def through(self, name: str) -> dict:
        return await self.items.item(name, 3)

    @get("/broken")
    async def through_broken(self) -> dict:
        return await self.broken.condition()

    @get("/fault")
    async def fault(self) -> dict:
        return await self.items.fault()
"""


@pytest.fixture(scope="session")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Three services on one Pico W: ``items``, ``broken`` (its start fails), ``caller``."""
    root = write_cluster(
        tmp_path_factory.mktemp("cluster"), {"items": ITEMS, "broken": BROKEN, "caller": CALLER}
    )
    with running(root, types=False) as run:
        yield run
