# ERROR: services/a/__init__.py:8: b starts on request to its port; a calls it as a peer
# ON REQUEST: b
from torpor import Service
from services.b import B


class A(Service):
    b: B
