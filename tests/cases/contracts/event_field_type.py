# BREAKS: Opened.at was int, is str
class Opened(Event):
    at: int
# methods
async def read(self) -> None: ...
# --- now
class Opened(Event):
    at: str
# methods
async def read(self) -> None: ...
