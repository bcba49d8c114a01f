"""Encode forms, and forms with files, as browsers do."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


_BOUNDARY = "torpor-boundary-7f3c9a"
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._*"


def urlencoded(fields: "Any") -> str:
    """Return ``application/x-www-form-urlencoded`` text of a dict, or of (name, value) pairs."""
    return "&".join(["%s=%s" % (_quoted(name), _quoted(value)) for name, value in _pairs(fields)])


def multipart(fields: "Any", files: "Any") -> tuple:
    """Return the body and its content type: ``fields``, and ``files`` by the names of their fields.

    A file is its content, or ``(filename, content)``, or ``(filename, content, content_type)``.
    """
    body = b""
    for name, value in _pairs(fields):
        body += _part('name="%s"' % _escaped(name), "", value)
    for name, file in _pairs(files):
        if not isinstance(file, (tuple, list)):
            file = (name, file)
        kind = file[2] if len(file) > 2 else "application/octet-stream"
        head = 'name="%s"; filename="%s"' % (_escaped(name), _escaped(file[0]))
        body += _part(head, "Content-Type: %s\r\n" % kind, file[1])
    body += ("--%s--\r\n" % _BOUNDARY).encode()
    return body, "multipart/form-data; boundary=" + _BOUNDARY


def _part(head: str, more: str, content) -> bytes:
    head = "--%s\r\nContent-Disposition: form-data; %s\r\n%s\r\n" % (_BOUNDARY, head, more)
    return head.encode() + _bytes(content) + b"\r\n"


def _pairs(fields):
    """A list as a value stands for several fields with one name."""
    for name, value in fields.items() if isinstance(fields, dict) else fields or ():
        for each in value if isinstance(value, list) else (value,):
            yield name, each


def _bytes(value) -> bytes:
    if isinstance(value, (bytes, bytearray)):
        return bytes(value)
    if value is None:
        return b""
    if isinstance(value, bool):
        return b"true" if value else b"false"
    return str(value).encode()


def _quoted(value) -> str:
    text = ""
    for byte in _bytes(value):
        text += chr(byte) if byte in _PLAIN else "+" if byte == 32 else "%%%02X" % byte
    return text


def _escaped(name) -> str:
    """A name in quotes, as browsers write it."""
    return str(name).replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
