# COMPATIBLE: Opened.at is 2 when absent, was 1
class Opened(Event):
    at: int = 1
# methods
async def read(self) -> None: ...
# --- now
class Opened(Event):
    at: int = 2
# methods
async def read(self) -> None: ...
