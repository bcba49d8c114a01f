# BREAKS: the event Opened has lost its field by
class Opened(Event):
    at: int
    by: str
# methods
async def read(self) -> None: ...
# --- now
class Opened(Event):
    at: int
# methods
async def read(self) -> None: ...
