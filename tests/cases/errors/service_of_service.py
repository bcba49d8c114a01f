# ERROR: a has a second service class, More
from torpor import Service


class A(Service):
    pass


class More(A, Service):
    pass
