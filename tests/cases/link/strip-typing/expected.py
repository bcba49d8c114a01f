

import time












if False:
    pass
else:
    Chunks = None

try:
    pass
except ImportError:
    pass

DEBUG = not False


async def chunks(read: Callable[[], Reading]) -> AsyncIterator[str]:
    found: dict[str, Any] = {}
    yield "%s %d" % (found, time.time())
