# ERROR: the service class B is defined only under a condition
from torpor import Service


def make():
    class B(Service):
        pass

    return B


class A(Service):
    pass
