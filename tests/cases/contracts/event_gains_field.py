# BREAKS: Opened.by is new and has no default: older boards do not send it
class Opened(Event):
    at: int
# methods
async def read(self) -> None: ...
# --- now
class Opened(Event):
    at: int
    by: str
# methods
async def read(self) -> None: ...
