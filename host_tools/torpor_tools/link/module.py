"""A module of the image: of a service, a library, the runtime, a package or the wiring."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Module:
    """A module as it will be compiled."""

    name: str  # dotted, as the device imports it
    is_package: bool
    source: str  # transformed, with the line numbers of ``file``
    file: str  # its name in messages
    part: str  # service, library, runtime, dependency or wiring
    library: str = ""  # the library that it is a part of
    traced_as: str = ""  # the name in tracebacks, if it differs from the path (see ``split``)
    is_cold: bool = False  # loaded when something in it is called, until the next collection

    @property
    def path(self) -> str:
        """The source's path below the root of the chip's filesystem."""
        folder = self.name.replace(".", "/")
        return f"{folder}/__init__.py" if self.is_package else f"{folder}.py"

    @property
    def compiled_path(self) -> str:
        """The path that the compiled module has in the image."""
        return self.path[:-3] + ".mpy"

    @property
    def trace_name(self) -> str:
        """The name of the module's file in tracebacks of the device."""
        return self.traced_as or self.compiled_path

    @property
    def package(self) -> str:
        """The package that relative imports of this module start from."""
        return self.name if self.is_package else self.name.rpartition(".")[0]


def shown(path: Path, root: Path) -> str:
    """Return ``path`` as messages show it: relative to ``root`` if it is below it."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)
