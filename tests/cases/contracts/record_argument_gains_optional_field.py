# COMPATIBLE: put: point.at is new
class Point(TypedDict):
    celsius: float
# methods
async def put(self, point: Point) -> None: ...
# --- now
class Point(TypedDict):
    celsius: float
    at: NotRequired[int]
# methods
async def put(self, point: Point) -> None: ...
