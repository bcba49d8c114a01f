# ERROR: services/a/__init__.py:7: a reads config period, which is not in [services.a.config]
from torpor import Service


class A(Service):
    async def start(self) -> None:
        self._period = self.config["period"]
