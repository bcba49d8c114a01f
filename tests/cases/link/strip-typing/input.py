from __future__ import annotations

import time, typing
from collections.abc import (
    AsyncIterator,
    Callable,
)
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypedDict

    class Reading(TypedDict):
        celsius: float

if typing.TYPE_CHECKING:
    Chunks = AsyncIterator[str]
else:
    Chunks = None

try:
    from typing import Never
except ImportError:
    pass

DEBUG = not TYPE_CHECKING


async def chunks(read: Callable[[], Reading]) -> AsyncIterator[str]:
    found: dict[str, Any] = {}
    yield "%s %d" % (found, time.time())
