# COMPATIBLE: Opened.at was Annotated[int, Range(0, 9)], is Annotated[int, Range(0, 5)]
class Opened(Event):
    at: Annotated[int, Range(0, 9)]
# methods
async def read(self) -> None: ...
# --- now
class Opened(Event):
    at: Annotated[int, Range(0, 5)]
# methods
async def read(self) -> None: ...
