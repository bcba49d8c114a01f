"""The codes of frames, as ``firmware/torpor/rpc/frames.py`` makes them; see docs/wire.md."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

CODE = 16  # bytes of the code at the end of a frame
NONCE = 16


def key_name(key: bytes) -> str:
    """The public name of a key: 8 hexadecimal digits."""
    return hashlib.sha256(b"torpor key\n" + key).digest()[:4].hex()


def nonce() -> str:
    """A random number for a new connection, in hexadecimal."""
    return secrets.token_hex(NONCE)


@dataclass(frozen=True)
class Mac:
    """Makes and checks the codes of one direction."""

    key: bytes

    def seal(self, frame: bytes) -> bytes:
        """``frame`` with its code behind it."""
        return frame + self._code(frame)

    def check(self, frame: bytes) -> bool:
        """Whether the code at the end of ``frame`` is right."""
        return hmac.compare_digest(self._code(frame[:-CODE]), frame[-CODE:])

    def _code(self, data: bytes) -> bytes:
        return _hash(self.key, data)[:CODE]


def pair(key: bytes, caller: str, board: str, ours: str, theirs: str) -> tuple[Mac, Mac]:
    """The codes of a connection: those of the calls and those of the answers.

    ``caller`` and ``board`` name the two ends, ``ours`` is the caller's number, ``theirs`` the
    board's.
    """
    session = _hash(key, "\n".join(("torpor/1", caller, board, ours, theirs)).encode())
    return Mac(_hash(session, b"calls")), Mac(_hash(session, b"answers"))


def _hash(key: bytes, data: bytes) -> bytes:
    return hmac.digest(key, data, "sha256")
