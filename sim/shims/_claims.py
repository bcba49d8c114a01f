"""Who uses a pin: the log notes a second service that does, and a second bus."""

import _service

_SHARED = (
    "Pin.IN",
    "ADC",
    "TouchPad",
    "I2C",
    "SPI",
    "OneWire",
)  # two services may share these
_users: dict = {}  # pin -> (service, what it is)
_noted: list = []


def claim(pin, what, line=""):
    """Record that the pin is ``what`` from now on, such as I2C(0), and its ``line`` there."""
    service = _service.now()
    was, before, its_line = _users.get(pin, (service, what, line))
    _users[pin] = (service, what, line)
    if what == before and ((line == its_line and what.split("(")[0] in _SHARED) or was == service):
        return
    note = (pin, service, was, what, before)
    if note in _noted:
        return
    if service and was and service != was:
        from torpor import log

        _noted.append(note)
        text = "it uses pin %s as %s, which %s uses as %s: let one service own the pin"
        log.Log(service).warning(text, pin, _shown(what, line), was, _shown(before, its_line))
    elif line and its_line:
        _noted.append(note)
        print("pin %s is %s now, and was %s before" % (pin, _shown(what, line), before))


def forget():
    """Begin with no claims: another test begins."""
    _users.clear()
    del _noted[:]


def _shown(what, line):
    return what + (line and " " + line)
