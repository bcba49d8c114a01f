# BREAKS: lines streams no longer
@get("/lines")
async def lines(self) -> AsyncIterator[str]: yield "x"
# --- now
@get("/lines")
async def lines(self) -> AsyncIterator[str]: ...
