# ERROR: syntax error
from torpor import Service, every, get, post


class A(Service:
    pass
