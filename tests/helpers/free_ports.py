"""Ports for a program that numbers its ports from a base."""

from __future__ import annotations

import random
import socket


def free_base(count: int = 10) -> int:
    """Return the first of ``count`` adjacent free ports, below those that the OS assigns."""
    while True:
        base = random.randrange(10_000, 30_000)
        try:
            for port in range(base, base + count):
                with socket.socket() as sock:
                    sock.bind(("127.0.0.1", port))
            return base
        except OSError:
            continue
