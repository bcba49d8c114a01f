# SAME
class Point(TypedDict):
    at: int
# methods
async def read(self) -> Point: ...
# --- now
class Spot(TypedDict):
    at: int
# methods
async def read(self) -> Spot: ...
