"""Gives outputs their safe values when their service cannot run: ``self.output(pin, safe=0)``.

``boot.py`` and ``main.py`` do so too, before the runtime is loaded and after it has ended.
"""

from machine import Pin

from . import kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .kernel import Kernel


def start(kernel: "Kernel") -> None:
    """Have all outputs made safe before a planned reset, a deep sleep and an update."""
    kernel.savers.insert(0, make_all_safe)


def make_all_safe() -> None:
    """Give the outputs of all services their safe values."""
    for service in kernel.current.services:
        make_safe(service)


def make_safe(service: str) -> None:
    """Give the outputs of a service their safe values."""
    for pin, value in kernel.current.cluster.OUTPUTS.get(service, ()):
        Pin(pin, Pin.OUT, value=value)
