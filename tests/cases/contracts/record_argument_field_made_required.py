# BREAKS: put: point.at must be there now
class Point(TypedDict):
    at: NotRequired[int]
# methods
async def put(self, point: Point) -> None: ...
# --- now
class Point(TypedDict):
    at: int
# methods
async def put(self, point: Point) -> None: ...
