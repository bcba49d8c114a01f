# ERROR: Bee of b is not its service class
from torpor import Service, every, get, post
from services.b import Bee


class A(Service):
    b: Bee
