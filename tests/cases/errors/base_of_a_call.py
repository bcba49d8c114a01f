# ERROR: A derives from make(), whose methods the build cannot see
from torpor import Service


def make():
    return Service


class A(make(), Service):
    pass
