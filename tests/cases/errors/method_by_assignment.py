# ERROR: A.read is a function, but no contract has it
# ERROR: A.again is a function, but no contract has it
# ERROR: A.fixed is a function, but no contract has it
# ERROR: A.size is a function, but no contract has it
from torpor import Service


def _read(self):
    return 3


class A(Service):
    read = lambda self: 3
    again = _read
    fixed = staticmethod(_read)

    def _size(self):
        return 3

    size = property(_size)
    limit = 3
    _hidden = _read
