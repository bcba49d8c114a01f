# ERROR: class A(..., metaclass=): MicroPython's classes take no keyword arguments
from torpor import Service


class A(Service, metaclass=type):
    pass
