# ERROR: services/a/__init__.py:7:14: torpor.deadline does not exist on the device
import torpor


class A(torpor.Service):
    async def read(self) -> None:
        with torpor.deadline(100):
            pass
