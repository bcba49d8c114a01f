# ERROR: there is no service reedings
from torpor import Service, every, get, post
from services.reedings import Reedings


class A(Service):
    readings: Reedings
