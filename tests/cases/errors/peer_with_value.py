# ERROR: the peer b has a value, but the build sets it
from torpor import Service
from services.b import B


class A(Service):
    b: B = None
