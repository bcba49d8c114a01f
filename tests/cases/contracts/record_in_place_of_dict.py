# BREAKS: read returned dict, returns Point
async def read(self) -> dict: ...
# --- now
class Point(TypedDict):
    at: int
# methods
async def read(self) -> Point: ...
