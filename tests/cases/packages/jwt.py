"""Tokens for ``microdot.session``, with the interface of micropython-lib's pyjwt (HS256 only)."""

import binascii
import hashlib
import json


class exceptions:  # noqa: N801
    class PyJWTError(Exception):
        pass


def _base64(data):
    text = binascii.b2a_base64(data).decode().strip().rstrip("=")
    return text.replace("+", "-").replace("/", "_")


def _mac(key, text):
    """HMAC of RFC 2104 with SHA-256, for keys of up to 64 bytes."""
    key = key.encode() + bytes(64 - len(key))
    inner = hashlib.sha256(bytes([b ^ 0x36 for b in key]) + text.encode()).digest()
    return _base64(hashlib.sha256(bytes([b ^ 0x5C for b in key]) + inner).digest())


def encode(payload, key, algorithm="HS256"):
    head = _base64(json.dumps({"typ": "JWT", "alg": algorithm}).encode())
    text = head + "." + _base64(json.dumps(payload).encode())
    return text + "." + _mac(key, text)


def decode(token, key, algorithms=("HS256",)):
    text, _, mac = token.rpartition(".")
    if mac != _mac(key, text):
        raise exceptions.PyJWTError
    body = text.partition(".")[2].replace("-", "+").replace("_", "/") + "==="
    return json.loads(binascii.a2b_base64(body))
