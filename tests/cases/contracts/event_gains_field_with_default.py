# COMPATIBLE: Opened.by is new
class Opened(Event):
    at: int
# methods
async def read(self) -> None: ...
# --- now
class Opened(Event):
    at: int
    by: str | None = None
# methods
async def read(self) -> None: ...
