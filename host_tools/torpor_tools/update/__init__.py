"""Signed updates over the network: keys, manifests, and the exchange with a board."""
