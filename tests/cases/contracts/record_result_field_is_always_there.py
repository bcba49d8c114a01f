# COMPATIBLE: read: result[].at must be there now
class Point(TypedDict):
    at: NotRequired[int]
# methods
async def read(self) -> list[Point]: ...
# --- now
class Point(TypedDict):
    at: int
# methods
async def read(self) -> list[Point]: ...
