# BREAKS: read: points[].at is gone
# COMPATIBLE: read: points[].by is new
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
