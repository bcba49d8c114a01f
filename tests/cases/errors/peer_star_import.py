# ERROR: from services.b import * takes more than the class of a peer
from torpor import Service
from services.b import *


class A(Service):
    pass
