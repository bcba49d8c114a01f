"""The files that start a chip: ``boot.py`` and ``main.py``."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from textwrap import indent

from .. import paths
from ..model.plan import SafeOutput
from .module import Module
from .runtime import START_FILES

_BEGIN = "wifi.begin()  # the build adds the host name and the power save\n"
_USUAL = "    ...  # here the build puts boot.py\n"
_RUN = "try:\n    from torpor import kernel\n\n    kernel.run()\n"
_SWAP = """\
if ".new" in os.listdir("/"):  # a deploy that was cut off, perhaps right at its end
    import swap

    swap.finish()
"""
_SLOTS = """\
if {".new", ".trial", ".restore"} & set(os.listdir("/")):  # an update, or a deploy that was cut off
    import slots

    slots.begin()
"""


_SAFE = """\
# Outputs whose service does not run have their safe values.
from machine import Pin

for pin, value in ({},):
    Pin(pin, Pin.OUT, value=value)
"""


def start_modules(
    port: str,
    production: bool = False,
    begin: str = "",
    *,
    updated: bool = False,
    outputs: Sequence[SafeOutput] = (),
) -> list[Module]:
    """``boot.py`` and ``main.py``, which ship as source: the firmware looks for these names only.

    In a production image they disable the prompt. A Linux process has neither a prompt
    nor a radio: it starts with ``main.py``. ``begin`` is the call that turns the radio on.
    ``updated``: whether the board takes signed updates. ``outputs``: its safe outputs.
    """
    folder = paths.firmware_dir()
    names = [name for name in START_FILES if port != "unix" or name != "boot.py"]
    sources = {name: (folder / name).read_text(encoding="utf-8") for name in names}
    if begin:
        sources["boot.py"] = _replaced(sources["boot.py"], _BEGIN, f"{begin}\n")
    if updated:
        sources["boot.py"] = _replaced(sources["boot.py"], _SWAP, _SLOTS)
        sources["main.py"] = (folder / "update/main.py").read_text(encoding="utf-8")
    if outputs and "boot.py" in sources:
        sources["boot.py"] = f"{_safe(outputs)}\n{sources['boot.py']}"
    if production and port != "unix":
        closed = (folder / "production/boot.py").read_text(encoding="utf-8")
        sources["boot.py"] = _replaced(closed, _USUAL, indent(sources["boot.py"], "    "))
        closed = (folder / "production/main.py").read_text(encoding="utf-8")
        if updated:
            _, tried, run = sources["main.py"].partition("try:\n")
            closed = _replaced(closed, _RUN, tried + run)
        sources["main.py"] = closed
    if outputs:
        sources["main.py"] = _made_safe(sources["main.py"], outputs)
    return [Module(n[:-3], False, text, f"firmware/{n}", "start") for n, text in sources.items()]


def _safe(outputs: Sequence[SafeOutput]) -> str:
    """The lines that give outputs their safe values. They do not import the runtime."""
    return _SAFE.format(", ".join(f"({json.dumps(o.pin)}, {o.value})" for o in outputs))


def _made_safe(main: str, outputs: Sequence[SafeOutput]) -> str:
    """``main.py`` with the outputs made safe when the kernel has ended, however it did."""
    text = f"try:\n    kernel.run()\nfinally:\n{indent(_safe(outputs), '    ')}"
    return re.sub(r"^( *)kernel\.run\(\)\n", lambda run: indent(text, run[1]), main, flags=re.M)


def _replaced(text: str, part: str, by: str) -> str:
    before, there, after = text.partition(part)
    assert there
    return before + by + after
