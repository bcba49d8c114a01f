"""The files that start a chip: ``boot.py`` and ``main.py``."""

from __future__ import annotations

from textwrap import indent

from .. import paths
from .module import Module
from .runtime import START_FILES

_BEGIN = "wifi.begin()  # the build adds the host name and the power save\n"
_USUAL = "    ...  # here the build puts boot.py\n"
_RUN = "try:\n    from torpor import kernel\n\n    kernel.run()\n"
_SWAP = """\
if ".new" in os.listdir("/"):  # a deploy that was cut off, perhaps after its last word
    import swap

    swap.finish()
"""
_SLOTS = """\
if {".new", ".trial"} & set(os.listdir("/")):  # an update, or a deploy that was cut off
    import slots

    slots.begin()
"""


def start_modules(
    port: str, production: bool = False, begin: str = "", *, updated: bool = False
) -> list[Module]:
    """``boot.py`` and ``main.py``, which ship as source: the firmware looks for nothing else.

    Those of a production image allow no access to the prompt. A Linux process has neither a prompt
    nor a radio: it starts with ``main.py``. ``begin`` is the call that turns the radio on.
    ``updated``: those of a board that takes signed updates.
    """
    folder = paths.firmware_dir()
    names = [name for name in START_FILES if port != "unix" or name != "boot.py"]
    sources = {name: (folder / name).read_text(encoding="utf-8") for name in names}
    if begin:
        sources["boot.py"] = _replaced(sources["boot.py"], _BEGIN, f"{begin}\n")
    if updated:
        sources["boot.py"] = _replaced(sources["boot.py"], _SWAP, _SLOTS)
        sources["main.py"] = (folder / "update/main.py").read_text(encoding="utf-8")
    if production and port != "unix":
        closed = (folder / "production/boot.py").read_text(encoding="utf-8")
        sources["boot.py"] = _replaced(closed, _USUAL, indent(sources["boot.py"], "    "))
        closed = (folder / "production/main.py").read_text(encoding="utf-8")
        if updated:
            _, tried, run = sources["main.py"].partition("try:\n")
            closed = _replaced(closed, _RUN, tried + run)
        sources["main.py"] = closed
    return [Module(n[:-3], False, text, f"firmware/{n}", "start") for n, text in sources.items()]


def _replaced(text: str, part: str, by: str) -> str:
    before, there, after = text.partition(part)
    assert there
    return before + by + after
