# ERROR: @traced on A may change its methods
from torpor import Service


def traced(cls):
    return cls


@traced
class A(Service):
    pass
