# BREAKS: put: rows[].level was Annotated[int, Range(0, 10)], is Annotated[int, Range(1, 10)]
class Row(TypedDict):
    level: Annotated[int, Range(0, 10)]
# methods
async def put(self, rows: list[Row]) -> None: ...
# --- now
class Row(TypedDict):
    level: Annotated[int, Range(1, 10)]
# methods
async def put(self, rows: list[Row]) -> None: ...
