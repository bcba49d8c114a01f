import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Kept:
    if TYPE_CHECKING:
        size: Any


DEBUG = not TYPE_CHECKING


def now() -> "Any":
    return time.time()
