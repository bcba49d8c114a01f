from torpor import Service


class Names(Service):
    """Remembers how often each name was greeted, until the board restarts."""

    async def start(self) -> None:
        self._counts: dict[str, int] = {}

    async def count(self, name: str) -> int:
        """Count one greeting of a name, and return how many there were."""
        self._counts[name] = self._counts.get(name, 0) + 1
        return self._counts[name]
