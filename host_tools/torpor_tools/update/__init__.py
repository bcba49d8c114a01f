"""Signed updates over the network: keys, manifests, and the conversation with a board."""
