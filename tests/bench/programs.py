"""Device code that several figures use."""

from __future__ import annotations

EMPTY_SERVICE = """
from torpor import Service, get


class S{0}(Service):
    @get("/")
    async def index(self) -> dict:
        return {{}}
"""

_MAIN = """
import asyncio, gc, json, time
import cluster
from torpor import kernel


def heap():
    gc.collect()
    return json.dumps({"free": gc.mem_free(), "used": gc.mem_alloc()})


async def main():
    board = kernel.current = kernel.Kernel(cluster)
    await board.start()
"""


def started(then: str) -> str:
    """Return a main.py that starts the image like the image's own, and then runs ``then``.

    ``then`` is the body of an ``async`` function. It can use ``board``, and ``heap()``, which
    returns the free and the used bytes after a collection, as JSON.
    """
    body = "".join(f"    {line}\n" if line else "\n" for line in then.strip().splitlines())
    return f"{_MAIN}{body}\n\nasyncio.run(main())\n"
