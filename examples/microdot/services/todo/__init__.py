from torpor import Service, get

from . import application


class Todo(Service):
    """The application, with one typed method for peers and clients."""

    app = application.app

    @get("/count")
    async def count(self) -> dict:
        """Return the number of open tasks."""
        return {"open": len(application.tasks)}
