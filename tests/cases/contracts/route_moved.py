# BREAKS: newest no longer answers GET /readings/<fridge>
# COMPATIBLE: newest answers GET /newest/<fridge> too
@get("/readings/<fridge>")
async def newest(self, fridge: str, limit: int = 1) -> list[int]: ...
# --- now
@get("/newest/<fridge>")
async def newest(self, fridge: str, limit: int = 1) -> list[int]: ...
