# ERROR: import services.b: a module of another service is hidden coupling
import services.b

from torpor import Service, every, get, post


class A(Service):
    pass
