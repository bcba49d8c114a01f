from services.rules import Rules
from torpor import Service, deadline, get


class Hall(Service):
    """Shows visitors when the hall opens, as long as one board with the rules is alive."""

    rules: Rules  # runs on two boards; the call goes to one that answers

    @get("/sign/<day>")
    async def sign(self, day: str) -> dict:
        """Return the text for the sign at the door."""
        with deadline(4000):
            return {"text": "Opens at %d:00" % await self.rules.opens(day)}
