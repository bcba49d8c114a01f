# BREAKS: put: point.at is new and must be there
class Point(TypedDict):
    celsius: float
# methods
async def put(self, point: Point) -> None: ...
# --- now
class Point(TypedDict):
    celsius: float
    at: int
# methods
async def put(self, point: Point) -> None: ...
