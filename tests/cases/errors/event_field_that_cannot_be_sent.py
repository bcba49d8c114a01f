# ERROR: Opened.data: bytes cannot be sent
# ERROR: Opened.where: Place cannot be sent
#     Place is a class: write class Place(TypedDict) with its fields
# ERROR: Opened.at: the default max(1, 2) is not a constant
from torpor import Event, Service


class Place:
    pass


class Opened(Event):
    data: bytes
    where: Place
    at: int = max(1, 2)


class A(Service):
    pass
