"""The signed list of an image's files, between bytes and their meaning; no files and no sockets.

docs/updates.md specifies the format. Nothing here is called before ``genuine`` has said that the
bytes come from the project; whatever does not match exactly raises ``ValueError``.
"""

from binascii import unhexlify

from micropython import const

from ..cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable


_KEY = const(384)  # bytes of an RSA-3072 modulus, and of a signature
_EXPONENT = const(65537)
MAX_MANIFEST = const(32768)  # bytes
MAX_LINE = const(240)  # bytes, with the line's end
_MAX_SIZE = const(1 << 24)  # bytes of a file: more than the flash of any board
_FIELDS = ("cluster", "board", "build", "counter", "firmware", "confirm")


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


@cold
def head(read_line: "Callable") -> dict:
    """Return the fields of a manifest by their names.

    Args:
        read_line: Returns the next line of up to so many bytes.
    """
    if read_line(MAX_LINE) != b"torpor-update 1\n":
        raise ValueError("not a manifest of format 1")
    fields: dict = {}
    for name in _FIELDS:
        line = str(read_line(MAX_LINE), "utf-8")
        key, equals, value = line.partition("=")
        if key != name or not equals or value[-1:] != "\n" or len(value) < 2:
            raise ValueError("no line %s=" % name)
        fields[name] = value[:-1]
    for name in ("counter", "confirm"):
        fields[name] = _number(fields[name], 12)
    fields["firmware"] = version(fields["firmware"])
    if len(fields["build"]) != 16:
        raise ValueError("build")
    unhexlify(fields["build"])
    if read_line(MAX_LINE) != b"\n":
        raise ValueError("no empty line")
    return fields


@cold
def entry(line: bytes) -> tuple:
    """Return SHA-256 (bytes), size and path of a file's line."""
    text = str(line, "utf-8")
    digest, _, text = text.partition(" ")
    size, _, path = text.partition(" ")
    if len(digest) != 64 or digest.lower() != digest or path[-1:] != "\n":
        raise ValueError("not the line of a file")
    number = _number(size, 8)
    if number > _MAX_SIZE:
        raise ValueError("size")
    path = path[:-1]
    _check_path(path)
    return unhexlify(digest), number, path


@cold
def version(text: str) -> tuple:
    """Return ``1.27.0`` as three numbers."""
    a, b, c = text.split(".")
    return _number(a, 3), _number(b, 3), _number(c, 3)


def _number(text: str, digits: int) -> int:
    """An unsigned decimal number without sign, space or leading zero."""
    if not 0 < len(text) <= digits or not text.isdigit() or (text[0] == "0" and text != "0"):
        raise ValueError("number")
    return int(text)


def _check_path(path: str) -> None:
    """Refuse whatever is not below the root, hidden, the services' data or a secret."""
    for c in path:
        if ord(c) < 32 or ord(c) == 127:
            raise ValueError("path")
    parts = path.split("/")
    for part in parts:
        if not part or part[0] == ".":
            raise ValueError("path")
    if parts[0] == "data" or path == "secrets.json":
        raise ValueError("path")
