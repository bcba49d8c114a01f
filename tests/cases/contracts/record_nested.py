# BREAKS: read: result.points[].at is gone
# COMPATIBLE: read: result.points[].by is new
class P(TypedDict):
    at: int
class Row(TypedDict):
    points: dict[str, P]
# methods
async def read(self) -> Row | None: ...
# --- now
class P(TypedDict):
    by: str
class Row(TypedDict):
    points: dict[str, P]
# methods
async def read(self) -> Row | None: ...
