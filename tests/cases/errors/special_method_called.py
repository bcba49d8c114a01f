# ERROR: services/a/__init__.py:15: n.__add__: MicroPython's own types have no __add__
# ERROR: services/a/__init__.py:15: 'text'.__len__: MicroPython's own types have no __len__
# ERROR: services/a/__init__.py:16: int.__lt__: MicroPython's own types have no __lt__
# ERROR: services/a/__init__.py:16: n.__rmul__: MicroPython's own types have no __rmul__
from torpor import Service


class Level:
    def __eq__(self, other) -> bool:
        return self is other


class A(Service):
    async def read(self, n: int) -> int:
        n = n.__add__(1) + "text".__len__()
        return n if int.__lt__(n, 3) else n.__rmul__(2)

    async def same(self) -> bool:
        table = {}
        table.__setitem__("a", 1)
        return Level().__eq__(Level()) and type(self).__name__ == self.__class__.__name__
