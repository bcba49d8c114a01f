# ERROR: @get needs its content_type as a literal text
from torpor import Service, get

KIND = "text/csv"


class A(Service):
    @get("/", content_type=KIND)
    async def read(self) -> str:
        return "x"
