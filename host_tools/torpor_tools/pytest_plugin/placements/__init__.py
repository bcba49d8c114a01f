"""The same cluster, placed in many ways: nothing that a caller can see may depend on it.

``draw`` makes placements of a cluster's services; ``running`` runs one in the simulator; ``plugin``
is the pytest plugin that runs a suite under each and compares the answers.
"""

from .draw import Placement, draw, placed

__all__ = ["Placement", "draw", "placed"]
