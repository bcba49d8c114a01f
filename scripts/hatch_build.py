"""Hooks of hatchling: data in the wheel, and a README that a package index can show.

A wheel contains the data that the tools find in a checkout. An editable install has no copies: they
would soon be outdated, and pytest takes ``os.py`` of the simulator's shims for a module of ours.
"""

from __future__ import annotations

import re
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

# In the checkout -> in the wheel; see torpor_tools/paths.py.
DATA = {
    "firmware": "torpor_tools/_data/firmware",
    "boards": "torpor_tools/_data/boards",
    "sim/shims": "torpor_tools/_data/shims",
    "sim/devices": "torpor_tools/_data/devices",
}


class Data(BuildHookInterface):  # type: ignore[type-arg]
    """Adds ``DATA`` to what is built for others."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a build; ``version`` is standard or editable."""
        if version != "editable":
            build_data["force_include"].update(_files(Path(self.root)))


class Readme(MetadataHookInterface):
    """Shows the README at an index, where its relative links would lead nowhere."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the readme of the package; called before a build."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        source, version = metadata["urls"]["Source"], metadata["version"]
        metadata["readme"] = {
            "content-type": "text/markdown",
            "text": absolute(text, source, f"v{version}"),
        }


def absolute(page: str, source: str, tag: str) -> str:
    """Return a page of Markdown with absolute links.

    Args:
        page: Its text, with links relative to the root of the repository.
        source: The address of the repository.
        tag: The tag at which its files are shown.
    """

    def link(match: re.Match[str]) -> str:
        picture, text, path = match.groups()
        if ":" in path or path.startswith("#"):
            return match[0]
        return f"{picture}[{text}]({source}/{'raw' if picture else 'blob'}/{tag}/{path})"

    return re.sub(r"(!?)\[([^][]*)\]\(([^)\s]+)\)", link, page)


def _files(root: Path) -> dict[str, str]:
    """The files of ``DATA``, one by one: what editors leave next to them is not shipped."""
    # Only this module: the package needs what may not be installed where a wheel is built.
    path = root / "host_tools" / "torpor_tools" / "files.py"
    spec = spec_from_file_location("torpor_files", path)
    assert spec
    assert spec.loader
    files = sys.modules[spec.name] = module_from_spec(spec)
    spec.loader.exec_module(files)
    return {
        str(path): f"{target}/{path.relative_to(root / source).as_posix()}"
        for source, target in DATA.items()
        for path in files.project_files(root / source)
    }
