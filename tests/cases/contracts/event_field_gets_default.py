# BREAKS: Opened.at has a default now: older boards disagree about it
class Opened(Event):
    at: int
# methods
async def read(self) -> None: ...
# --- now
class Opened(Event):
    at: int = 0
# methods
async def read(self) -> None: ...
