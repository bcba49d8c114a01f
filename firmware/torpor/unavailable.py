"""The stand-in for a service that did not start; a board on which all start never loads this."""

from .service import Fault


class Unavailable:
    """Answers every call with a ``Fault`` 503 and the reason."""

    def __init__(self, name: str, reason: str) -> None:
        self._fault = Fault(503, "%s did not start: %s" % (name, reason))

    def __getattr__(self, method: str):
        return self._refuse

    async def _refuse(self, *args, **kwargs):
        raise self._fault
