# ERROR: only a peer's class may be imported
from torpor import Service, every, get, post
from services.b.inner import thing


class A(Service):
    pass
