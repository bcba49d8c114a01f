# ERROR: services/a/__init__.py:13: [1].__contains__: MicroPython's own types have no __contains__
#     write y in x
# ERROR: services/a/__init__.py:13: 'abc'.__getitem__: MicroPython's own types have no __getitem__
# ERROR: services/a/__init__.py:14: {1: 2}.__contains__: MicroPython's own types have no __contains__
# ERROR: services/a/__init__.py:14: {1}.__delitem__: MicroPython's own types have no __delitem__
from torpor import Service


class A(Service):
    async def read(self) -> bool:
        kept = {1: 2}.__getitem__(1) and {1}.__contains__(1)
        kept = [1].__class__ is list
        kept = [1].__contains__(1) and "abc".__getitem__(0) == "a"
        return {1: 2}.__contains__(1) or {1}.__delitem__ is None
