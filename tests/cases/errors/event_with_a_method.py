# ERROR: the event Opened may have only fields: the board has no such class
#     write the fields
from torpor import Event, Service


class Opened(Event):
    at: int

    def late(self) -> bool:
        return self.at > 3


class A(Service):
    pass
