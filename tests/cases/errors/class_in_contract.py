# ERROR: A.put: point: Point cannot be sent to a service
from torpor import Service


class Point:
    at = 1


class A(Service):
    async def put(self, point: Point) -> None:
        pass
