# COMPATIBLE: put: point.at may be absent now
class Point(TypedDict):
    at: int
# methods
async def put(self, point: Point) -> None: ...
# --- now
class Point(TypedDict):
    at: NotRequired[int]
# methods
async def put(self, point: Point) -> None: ...
