from typing import TypedDict

from torpor import Service, get


class Greeting(TypedDict):
    """The response to a caller. It exists in annotations only; on the device it is a dict."""

    text: str
    greeted: int


class MyService(Service):
    """Greets callers, and counts them."""

    async def start(self) -> None:
        self.greeted = 0

    @get("/greeting")
    async def greet(self, name: str = "world") -> Greeting:
        """Public on the network because of its route; a peer calls it as a plain method."""
        self.greeted += 1
        return {"text": "Hello, %s!" % name, "greeted": self.greeted}
