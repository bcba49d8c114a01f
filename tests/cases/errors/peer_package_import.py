# ERROR: from services import b: only a peer's class may be imported
from torpor import Service
from services import b


class A(Service):
    pass
