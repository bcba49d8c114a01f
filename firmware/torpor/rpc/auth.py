"""Authentication of calls: HMAC-SHA256 (RFC 2104) under the cluster's key, see docs/wire.md.

The two ends of a connection derive keys from the cluster's key and a nonce of each, so that nothing
recorded from one connection is valid on another, before or after a restart. Within a connection the
frames are counted. No state outlives it.
"""

import os
from binascii import hexlify, unhexlify
from hashlib import sha256

from micropython import const

CODE = const(16)  # bytes of the code at the end of a frame: half of the hash (RFC 2104, 5)
NONCE = const(16)
_BLOCK = const(64)  # bytes SHA-256 takes at a time


class Mac:
    """Makes and checks the codes of one direction."""

    def __init__(self, key: bytes) -> None:
        # MicroPython's hashes cannot be copied, so the padded keys are kept and hashed each time.
        padded = key + bytes(_BLOCK - len(key))
        self._inner = bytes([b ^ 0x36 for b in padded])
        self._outer = bytes([b ^ 0x5C for b in padded])

    def hash(self, data: "bytes | memoryview") -> bytes:
        """Return the whole HMAC of ``data``, 32 bytes."""
        inner = sha256(self._inner)
        inner.update(data)
        outer = sha256(self._outer)
        outer.update(inner.digest())
        return outer.digest()

    def seal(self, frame: bytes) -> bytes:
        """Return ``frame`` followed by its code."""
        return frame + self.hash(frame)[:CODE]

    def check(self, frame: bytes) -> bool:
        """Return whether the code at the end of ``frame`` is right, in constant time."""
        end = len(frame) - CODE
        right = self.hash(memoryview(frame)[:end])
        # As two numbers: one operation, which looks at every byte.
        return not int.from_bytes(frame[end:], "big") ^ int.from_bytes(right[:CODE], "big")


def nonce() -> bytes:
    """Return a nonce for a new connection, in hexadecimal."""
    return hexlify(os.urandom(NONCE))


def keys() -> list[bytes]:
    """Return the cluster's keys, the one to use first; two while they are being changed."""
    from .. import secrets

    return [unhexlify(key) for key in secrets.read("keys")]


def name(key: bytes) -> bytes:
    """Return the public name of a key, in hexadecimal."""
    return hexlify(sha256(b"torpor key\n" + key).digest()[:4])


def pair(key: bytes, caller: bytes, board: bytes, ours: bytes, theirs: bytes) -> tuple[Mac, Mac]:
    """The codes of a connection: those of the calls and those of the answers.

    ``caller`` and ``board`` name the two ends, ``ours`` is the caller's number, ``theirs`` the
    board's.
    """
    session = Mac(Mac(key).hash(b"\n".join((b"torpor/1", caller, board, ours, theirs))))
    return Mac(session.hash(b"calls")), Mac(session.hash(b"answers"))
