# ERROR: A derives from B, the class of a service
# ERROR: B is used as a value
from torpor import Service
from services.b import B


class A(Service, B):
    pass
