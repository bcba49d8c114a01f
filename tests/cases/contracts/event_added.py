# COMPATIBLE: the event Opened is new
# methods
async def read(self) -> None: ...
# --- now
class Opened(Event):
    at: int
# methods
async def read(self) -> None: ...
