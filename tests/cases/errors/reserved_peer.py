# ERROR: A.log hides what every service has
from torpor import Service
from services.b import B


class A(Service):
    log: B
