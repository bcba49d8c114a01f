# ERROR: Closed derives from the event Opened
# ERROR: the event Locked has a second base class
from torpor import Event, Service


class Opened(Event):
    at: int


class Closed(Opened):
    by: str


class Locked(Event, Exception):
    at: int


class A(Service):
    pass
