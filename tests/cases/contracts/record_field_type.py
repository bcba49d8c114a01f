# BREAKS: read: result[].celsius was float, is int
class Point(TypedDict):
    celsius: float
# methods
async def read(self) -> list[Point]: ...
# --- now
class Point(TypedDict):
    celsius: int
# methods
async def read(self) -> list[Point]: ...
