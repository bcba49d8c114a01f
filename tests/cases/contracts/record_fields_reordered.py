# SAME
class Point(TypedDict):
    a: int
    b: int
# methods
async def read(self) -> list[Point]: ...
# --- now
class Point(TypedDict):
    b: int
    a: int
# methods
async def read(self) -> list[Point]: ...
