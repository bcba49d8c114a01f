from torpor import Service, get


class MyService(Service):
    """Greets callers, and counts them."""

    async def start(self) -> None:
        self.greeted = 0

    @get("/greeting")
    async def greet(self, name: str = "world") -> dict:
        """Public on the network because of its route; a peer calls it as a plain method."""
        self.greeted += 1
        return {"text": "Hello, %s!" % name, "greeted": self.greeted}
