# ERROR: urequests is the old name of requests
import urequests
from torpor import Service


class A(Service):
    async def read(self) -> int:
        return urequests.get("http://x").status_code
