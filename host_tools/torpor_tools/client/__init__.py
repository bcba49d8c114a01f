"""Calls to the services of a running cluster from this computer, by HTTP.

``Client`` is what generated clients (``torpor client``) derive from and what ``torpor call`` uses.
"""

from .http import Client, Fault

__all__ = ["Client", "Fault"]
