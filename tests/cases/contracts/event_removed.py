# BREAKS: the event Opened is gone
class Opened(Event):
    at: int
# methods
async def read(self) -> None: ...
# --- now
# methods
async def read(self) -> None: ...
