"""The signature of a manifest."""

from binascii import a2b_base64

from micropython import const

from .. import Fault
from ..cold import cold

_KEYS = "/signing.pub"
_KEY = const(384)  # bytes of an RSA-3072 modulus, and of a signature
_EXPONENT = const(65537)


@cold
def number(signature: str) -> int:
    """Return a signature in base64 as a number; 0, which signs nothing, if it has a wrong length.

    Nothing else of it needs to be in the heap when ``check`` needs most.
    """
    try:
        signed = a2b_base64(signature)
    except ValueError:
        signed = b""
    return int.from_bytes(signed, "big") if len(signed) == _KEY else 0


@cold
def check(digest: bytes, signature: int) -> None:
    """Check that a key of the project signed the data with this SHA-256. Raises ``Fault``."""
    at = 0
    while True:
        modulus = _modulus(at)
        if not modulus:
            raise Fault(403, "the manifest is not signed with a key that this board knows")
        if _is_signed(digest, signature, modulus):
            return
        at += _KEY


def _modulus(at: int) -> int:
    """Return the key at that offset of the file; 0 behind the last one."""
    with open(_KEYS, "rb") as file:
        file.seek(at)
        key = file.read(_KEY)
    return int.from_bytes(key, "big") if len(key) == _KEY else 0


@cold
def genuine(digest: bytes, signature: bytes, key: bytes) -> bool:
    """Return whether the key signed the data with this SHA-256.

    RSASSA-PKCS1-v1_5 of RFC 8017, 8.2.2: this builds the complete encoded message and compares it.
    It does not parse the content of the signature, so a forger cannot hide anything in the
    padding.

    Args:
        digest: 32 bytes.
        signature: 384 bytes.
        key: The modulus, 384 bytes.
    """
    if len(signature) != _KEY or len(digest) != 32 or len(key) != _KEY:
        return False
    return _is_signed(digest, int.from_bytes(signature, "big"), int.from_bytes(key, "big"))


def _is_signed(digest: bytes, s: int, n: int) -> bool:
    """Return whether ``s`` is the signature of the data with this SHA-256 for the modulus ``n``."""
    if s >= n:
        return False
    s = pow(s, _EXPONENT, n)
    # DigestInfo of SHA-256: RFC 8017, 9.2, note 1.
    prefix = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
    expected = b"\x00\x01" + b"\xff" * (_KEY - 3 - len(prefix) - 32) + b"\x00" + prefix + digest
    return s.to_bytes(_KEY, "big") == expected
