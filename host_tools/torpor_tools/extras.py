"""The packages that come only with an extra of torpor, and the error when one is missing."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from .errors import UserError, fail

_IS_WINDOWS = os.name == "nt"
# An extra -> its purpose, and its packages: the name that is imported -> the package's name.
EXTRAS = {
    "board": (
        "USB boards",
        {
            "ampy": "adafruit-ampy",
            "esptool": "esptool",
            "mpremote": "mpremote",
            "psutil": "psutil",
            "serial": "pyserial",
        },
    ),
    "emulator": ("the emulated board", {"rp2040py": "rp2040py"}),
    "gateway": ("the gateway", {"aiomqtt": "aiomqtt", "httptools": "httptools"}),
    "plots": ("plots", {"matplotlib": "matplotlib"}),
    "update": ("signed updates", {"cryptography": "cryptography"}),
    "test": ("tests", {"coverage": "coverage", "pytest": "pytest", "xdist": "pytest-xdist"}),
}


def need(extra: str) -> None:
    """Check that the packages of an extra are installed.

    Raises:
        UserError: One of them is missing. It names the command that installs the extra.
    """
    purpose, packages = EXTRAS[extra]
    missing = [name for module, name in packages.items() if find_spec(module) is None]
    if missing:
        raise missing_packages(purpose, missing, extra)


def missing_packages(purpose: str, packages: list[str], extra: str) -> UserError:
    """Return the error for packages of an extra that are not installed.

    Args:
        purpose: What needs them, such as ``"the gateway"``.
        packages: Their names as pip knows them.
        extra: The extra that brings them.
    """
    needs = "need" if purpose.endswith("s") else "needs"
    many = len(packages) > 1
    which = f"the package{'s' * many} {', '.join(packages)}, which {'are' if many else 'is'}"
    return fail(f"{purpose} {needs} {which} not installed here", remedy(extra))


def error_for(module: str) -> UserError | None:
    """Return the error for a module that cannot be imported, or None if no extra has it."""
    top = module.partition(".")[0]
    for extra, (purpose, packages) in EXTRAS.items():
        if top in packages:
            return missing_packages(purpose, [packages[top]], extra)
    return None


def remedy(extra: str) -> str:
    """Return the command that adds an extra to this installation, with the extras it has.

    It installs from where this torpor came: an index, a wheel, a folder or a repository.
    """
    complete = [name for name, (_, them) in EXTRAS.items() if all(find_spec(it) for it in them)]
    # pipx and uv leave these files in the environment of a tool. Both replace the whole tool.
    if Path(sys.prefix, "pipx_metadata.json").is_file():
        install, wanted, editable = "pipx install --force", [extra, *complete], "--editable "
    elif Path(sys.prefix, "uv-receipt.toml").is_file():
        install, wanted, editable = "uv tool install --force", [extra, *complete], "--editable "
    else:
        install, wanted, editable = f"{_pip()} install", [extra], "-e "
    requirement, is_editable = _origin(",".join(sorted(set(wanted))))
    return f"{install} {editable if is_editable else ''}{_quoted(requirement)}"


def _origin(extras: str) -> tuple[str, bool]:
    """Return the requirement that installs this torpor again with extras; if it is editable."""
    try:
        text = distribution("torpor").read_text("direct_url.json")
    except PackageNotFoundError:
        text = None
    if not text:  # from an index
        return f"torpor[{extras}]", False
    direct = json.loads(text)
    url = direct["url"]
    if url.startswith("file:"):
        from urllib.parse import urlsplit  # rarely needed, and slow to load
        from urllib.request import url2pathname

        path = url2pathname(urlsplit(url).path)
        return f"{path}[{extras}]", bool(direct.get("dir_info", {}).get("editable"))
    if vcs := direct.get("vcs_info"):
        revision = vcs.get("requested_revision") or ""
        url = f"{vcs['vcs']}+{url}{'@' * bool(revision)}{revision}"
    return f"torpor[{extras}] @ {url}", False


def _pip() -> str:
    """Return the command of the pip that installs into this environment."""
    found = shutil.which("pip")
    if found and Path(found).parent == Path(sys.executable).parent:
        return "pip"
    return f"{_quoted(sys.executable, only_if_needed=True)} -m pip"


def _quoted(word: str, *, only_if_needed: bool = False) -> str:
    """Return a word for the shell of this system."""
    if not _IS_WINDOWS:
        return shlex.quote(word)
    return word if only_if_needed and " " not in word else f'"{word}"'
