# ERROR: services/a/__init__.py:11: the build cannot read the pin of self.output(pin)
#     write the number, a name that is set once, or self.config["pin"]
# ERROR: services/a/__init__.py:12: self.output(16, safe=LEVELS[0]) needs a safe value of 0 or 1
# ERROR: services/a/__init__.py:14: pin 17 has two safe values, 0 and 1
from torpor import Service

LEVELS = [0]
class A(Service):
    async def start(self) -> None:
        for pin in (14, 15):
            self.output(pin)
        self.output(16, safe=LEVELS[0])
        self._valve = self.output(17)
        self._again = self.output(17, safe=True)
