"""The files that start a chip: ``boot.py`` and ``main.py``."""

from __future__ import annotations

from textwrap import indent

from .. import paths
from .module import Module
from .runtime import START_FILES

_BEGIN = "wifi.begin()  # the build adds the host name and the power save\n"
_USUAL = "    ...  # here the build puts boot.py\n"


def start_modules(port: str, production: bool = False, begin: str = "") -> list[Module]:
    """``boot.py`` and ``main.py``, which ship as source: the firmware looks for nothing else.

    Those of a production image let nobody at the prompt. A Linux process has no prompt and no
    radio to begin with: it starts with ``main.py``. ``begin`` is the call that turns the radio on.
    """
    folder = paths.firmware_dir()
    names = [name for name in START_FILES if port != "unix" or name != "boot.py"]
    sources = {name: (folder / name).read_text(encoding="utf-8") for name in names}
    if begin:
        before, call, after = sources["boot.py"].partition(_BEGIN)
        assert call
        sources["boot.py"] = f"{before}{begin}\n{after}"
    if production and port != "unix":
        usual = indent(sources["boot.py"], "    ")
        closed, here, end = (
            (folder / "production/boot.py").read_text(encoding="utf-8").partition(_USUAL)
        )
        assert here
        sources["boot.py"] = closed + usual + end
        sources["main.py"] = (folder / "production/main.py").read_text(encoding="utf-8")
    return [Module(n[:-3], False, text, f"firmware/{n}", "start") for n, text in sources.items()]
