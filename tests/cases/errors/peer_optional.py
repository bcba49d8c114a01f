# ERROR: b: B | None: a peer is never None
from torpor import Service
from services.b import B


class A(Service):
    b: B | None
