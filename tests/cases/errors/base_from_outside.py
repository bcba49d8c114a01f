# ERROR: A derives from Microdot, whose methods the build cannot see
from microdot import Microdot
from torpor import Service


class A(Service, Microdot):
    pass
