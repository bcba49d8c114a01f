# ERROR: count changes at run time, and is used in an f-string of cold code
from torpor import Service
from torpor.cold import cold

count = 0


class A(Service):
    async def add(self) -> None:
        global count
        count += 1

    @cold
    def _text(self) -> str:
        return f"{count} times"
