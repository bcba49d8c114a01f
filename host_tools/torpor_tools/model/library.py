"""A library that a project takes from elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..errors import Where

PYPI, MIP, FILE, LIB = "pypi", "mip", "file", "lib"


@dataclass(frozen=True)
class LibraryEntry:
    """A line of ``[libraries]``: what the project takes, in which version, and from where.

    ``source`` is ``pypi``, ``mip`` (micropython-lib), an address that mip takes, ``file``, or
    ``lib`` for a module of the project's own. ``whole``: the build keeps what nobody calls.
    """

    name: str
    version: str
    where: Where
    source: str = PYPI
    whole: bool = False


@dataclass(frozen=True)
class Locked:
    """A library as ``libraries.lock`` records it; ``files``: path in its folder -> SHA-256."""

    name: str
    version: str
    source: str
    licence: str = ""
    files: dict[str, str] = field(default_factory=dict)

    @property
    def modules(self) -> dict[str, str]:
        """The dotted name of each module -> its file."""
        return {module_name(path): path for path in self.files if path.endswith(".py")}

    @property
    def packages(self) -> list[str]:
        """The names that ``import`` finds it by."""
        return sorted({name.partition(".")[0] for name in self.modules})


def module_name(path: str) -> str:
    """The dotted name of the module in a file: ``a/__init__.py`` is ``a``."""
    return path.removesuffix("/__init__.py").removesuffix(".py").replace("/", ".")
