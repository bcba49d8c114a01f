"""Calls to services of a running cluster, from this computer, under the cluster's key.

``sign`` is the host's twin of ``firmware/torpor/remote/auth.py``; ``client`` speaks docs/wire.md.
"""

from .client import CallError, Peer, connect

__all__ = ["CallError", "Peer", "connect"]
