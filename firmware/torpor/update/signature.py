"""The signature of a manifest."""

from binascii import a2b_base64

from micropython import const

from .. import Fault
from ..cold import cold

_KEYS = "/signing.pub"
_KEY = const(384)  # bytes of an RSA-3072 modulus, and of a signature
_EXPONENT = const(65537)


@cold
def check(digest: bytes, signature: str) -> None:
    """Check that a key of the project signed the data with this SHA-256. Raises ``Fault``."""
    try:
        signed = a2b_base64(signature)
    except ValueError:
        signed = b""
    with open(_KEYS, "rb") as file:
        while True:
            key = file.read(_KEY)
            if not key:
                raise Fault(403, "the manifest is not signed with a key that this board knows")
            if genuine(digest, signed, key):
                return


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
    s = int.from_bytes(signature, "big")
    n = int.from_bytes(key, "big")
    if s >= n:
        return False
    s = pow(s, _EXPONENT, n)
    # DigestInfo of SHA-256: RFC 8017, 9.2, note 1.
    prefix = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
    expected = b"\x00\x01" + b"\xff" * (_KEY - 3 - len(prefix) - 32) + b"\x00" + prefix + digest
    return s.to_bytes(_KEY, "big") == expected
