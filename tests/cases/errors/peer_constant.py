# ERROR: LIMIT of b is not its service class
from torpor import Service, every, get, post
from services.b import LIMIT, B


class A(Service):
    b: B
