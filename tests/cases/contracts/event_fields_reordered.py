# SAME
class Opened(Event):
    at: int
    by: str
# methods
async def read(self) -> None: ...
# --- now
class Opened(Event):
    by: str
    at: int
# methods
async def read(self) -> None: ...
