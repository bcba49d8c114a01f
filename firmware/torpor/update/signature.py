"""The signature of a manifest."""

from micropython import const

from ..cold import cold

_KEY = const(384)  # bytes of an RSA-3072 modulus, and of a signature
_EXPONENT = const(65537)


@cold
def genuine(digest: bytes, signature: bytes, keys: bytes) -> bool:
    """Return whether one of the keys signed what has this SHA-256.

    RSASSA-PKCS1-v1_5 of RFC 8017, 8.2.2: the encoded message is made here and compared as a whole.
    Nothing of what the signature holds is parsed, so there is nothing that a forger could hide in
    its padding.

    Args:
        digest: 32 bytes.
        signature: 384 bytes.
        keys: The moduli of the project's keys, 384 bytes each.
    """
    if len(signature) != _KEY or len(digest) != 32 or len(keys) % _KEY:
        return False
    # DigestInfo of SHA-256: RFC 8017, 9.2, note 1.
    prefix = b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
    expected = b"\x00\x01" + b"\xff" * (_KEY - 3 - len(prefix) - 32) + b"\x00" + prefix + digest
    s = int.from_bytes(signature, "big")
    for at in range(0, len(keys), _KEY):
        n = int.from_bytes(keys[at : at + _KEY], "big")
        if s < n and pow(s, _EXPONENT, n) == int.from_bytes(expected, "big"):
            return True
    return False
