# ERROR: the event Opened is defined in services/b/__init__.py too
#     give one of them another name
from torpor import Event, Service


class Opened(Event):
    at: int


class A(Service):
    pass


# --- services/b/__init__.py
from torpor import Event, Service


class Opened(Event):
    at: int


class B(Service):
    pass
