# ERROR: services/a/__init__.py:14: the format {0[a]}: MicroPython's format() cannot look into
# ERROR: services/a/__init__.py:14: the format {x.y}: MicroPython's format() cannot look into
# ERROR: services/a/__init__.py:15: the format {!a}: MicroPython has no conversion !a
# ERROR: services/a/__init__.py:15: the format {0.y}: MicroPython's format() cannot look into
# ERROR: services/a/__init__.py:16: the format %5a: MicroPython has no %a
# ERROR: services/a/__init__.py:16: the format %ld: MicroPython has no %ld
from torpor import Service

_LINE = "{x.y} {0[a]} and"


class A(Service):
    async def read(self, x: int) -> str:
        text = _LINE.format({"a": 1}, x=x)
        text += "{!a} {:{0.y}}".format(x, x)
        text += "%5a %ld %%a" % (x, x)
        text += "%(a)s %-5d%% %*d" % (x, x, x)
        return text + "{:>{}} {!r} {{0[a]}} {x}".format(x, 3, x, x=x)
