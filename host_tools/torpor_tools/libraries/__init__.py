"""Libraries from elsewhere: fetched into ``vendor/``, recorded by their hashes.

A build reads ``vendor/`` and never uses the network.
"""
