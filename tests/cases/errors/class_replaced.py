# ERROR: A is defined or deleted again
from torpor import Service


def traced(cls):
    return cls


class A(Service):
    pass


A = traced(A)
