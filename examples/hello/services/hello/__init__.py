from services.names import Names
from torpor import Service, get


class Hello(Service):
    """Greets callers."""

    names: Names  # a peer: the build links it

    @get("/hello/<name>")
    async def greet(self, name: str) -> dict:
        """Greet a caller, with the number of greetings so far."""
        return {"text": "Hello, %s!" % name, "times": await self.names.count(name)}
