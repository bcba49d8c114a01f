# ERROR: A.config hides what every service has
from torpor import Service


class A(Service):
    config = {}
