# ERROR: from ..b import B: a peer is imported by its full name
from torpor import Service
from ..b import B


class A(Service):
    b: B
