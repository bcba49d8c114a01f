# BREAKS: read: result[].at is gone
class Point(TypedDict):
    celsius: float
    at: int
# methods
async def read(self) -> list[Point]: ...
# --- now
class Point(TypedDict):
    celsius: float
# methods
async def read(self) -> list[Point]: ...
