# ERROR: A.__getattr__ responds to names that are in no contract
from torpor import Service


class A(Service):
    def __getattr__(self, name):
        return 3
