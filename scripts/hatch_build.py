"""A build hook of hatchling: a wheel carries the data that the tools find in a checkout.

An editable install does without: copies would be old soon, and pytest takes ``os.py`` of the
simulator's overlays for a module of ours.
"""

from __future__ import annotations

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# In the checkout -> in the wheel; see torpor_tools/paths.py.
DATA = {
    "firmware": "torpor_tools/_data/firmware",
    "boards": "torpor_tools/_data/boards",
    "sim/overlays": "torpor_tools/_data/overlays",
}


class Data(BuildHookInterface):  # type: ignore[type-arg]
    """Adds ``DATA`` to what is built for others."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before a build; ``version`` is standard or editable."""
        if version != "editable":
            build_data["force_include"].update(DATA)
