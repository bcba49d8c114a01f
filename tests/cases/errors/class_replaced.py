# ERROR: A is defined or deleted once more
from torpor import Service


def traced(cls):
    return cls


class A(Service):
    pass


A = traced(A)
