# ERROR: `if` in the body of A: the build reads the class without running it
from torpor import Service, get

DEBUG = True


class A(Service):
    if DEBUG:

        @get("/state")
        async def dump(self) -> dict:
            return {}
