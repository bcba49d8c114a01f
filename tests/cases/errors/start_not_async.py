# ERROR: A.start is public but not async
# ERROR: A.start hides what every service has
from torpor import Service


class A(Service):
    def start(self) -> None:
        return None
