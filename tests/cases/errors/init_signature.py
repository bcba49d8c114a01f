# ERROR: A.__init__ is called by the runtime as __init__(self, name, config)
from torpor import Service


class A(Service):
    def __init__(self):
        super().__init__('a', {})
