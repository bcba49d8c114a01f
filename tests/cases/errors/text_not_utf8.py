# ERROR: services/a/__init__.py:10: the encoding "latin-1": MicroPython knows only UTF-8
# ERROR: services/a/__init__.py:11: the encoding "utf-16": MicroPython knows only UTF-8
# ERROR: services/a/__init__.py:12: the encoding "cp1252": MicroPython knows only UTF-8
# ERROR: services/a/__init__.py:13: the encoding "utf_8_sig": MicroPython knows only UTF-8
# ERROR: services/a/__init__.py:14: the error handler "ignore": MicroPython ignores it
from torpor import Service

class A(Service):
    async def read(self, text: str) -> str:
        data = text.encode("latin-1")
        text = str(data, "utf-16")
        data = bytearray(text, "cp1252")
        file = open("x", encoding="utf_8_sig")
        text = data.decode("utf-8", "ignore")
        data = text.encode("UTF8") + bytes(text, "ascii") + text.encode()
        return file.decode("hex") + data.decode("utf-8", "strict") + str(data, "utf-8")
