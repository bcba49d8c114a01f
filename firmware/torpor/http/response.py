"""Encodes the results of handlers as responses."""

import json
from io import BytesIO

from micropython import const

from ..cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .. import Fault
    from .listener import Connection
    from .wire import Request

_LIMITED = const(0)  # 1 in an image with a route that has a deadline: see link/flags.py
if _LIMITED:
    from .. import Fault
    from ..deadline import deadline

# The beginning of nearly every response. JSON is written after it, then the length into its place.
_USUAL = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length:        \r\n\r\n"
_LENGTH_AT = const(65)
_SPARE_MS = const(5000)
_ROOM = const(256)  # bytes allocated at first for such an answer

# One text: a dict of texts would take five times the heap.
_REASONS = "200 OK\n201 Created\n204 No Content\n404 Not Found\n"
_TIGHT = (",", ":")
_LACKS = "%s: JSON has no %s, return %s"
_INSTEAD = {
    "set": "a list",
    "frozenset": "a list",
    "bytes": "text, or the bytes alone",
    "bytearray": "text, or the bytes alone",
    "generator": "a list, or await it",
}
_PLAIN = (str, int, bool, type(None))  # JSON can hold every value of these types


def encode(request: "Request", result: "Any", content_type: str | None = None) -> bytes:
    """Return the whole response.

    ``result`` is a dict, list, str, bytes or None (204), or a tuple of that, a status and perhaps a
    dict of headers. Raises ``TypeError`` for anything else.
    """
    kind: object = type(result)
    if kind is dict or kind is list:
        if content_type is None and not request.http10 and request.verb != "HEAD":
            return _json(
                result, _USUAL if request.keep else _USUAL[:-2] + b"Connection: close\r\n\r\n"
            )
        return compose(request, 200, _json(result), content_type or "application/json", None)
    status = 200
    headers = None
    if kind is tuple and 2 <= len(result) <= 3:
        status = result[1]
        if not 200 <= status < 600:
            raise _flaw(status)
        if len(result) == 3:
            headers = result[2]
        result = result[0]
        kind = type(result)
    if result is None:
        return compose(request, 204 if status == 200 else status, b"", content_type, headers)
    if kind is dict or kind is list or kind is int or kind is float or kind is bool:
        result = _json(result)
        kind = "application/json"
    elif kind is str:
        data = result.encode()
        if b"\xed" in data:
            _check_text(result, data)
        result = data
        kind = "text/plain; charset=utf-8"
    elif kind is bytes or kind is bytearray:
        kind = "application/octet-stream"
    else:
        raise _flaw(kind)
    return compose(request, status, result, content_type or kind, headers)


def _json(result, head=b"") -> bytes:
    if not is_json(result):
        refuse(result, "")
    out = BytesIO(_ROOM)
    out.write(head)
    json.dump(result, out, separators=_TIGHT)  # type: ignore[call-overload]
    if head:
        size = out.tell() - len(head)
        out.seek(_LENGTH_AT)
        out.write(b"%7d" % size)
    data = out.getvalue()
    out.close()
    if b"\xed" in data:  # the first byte of half a surrogate pair, and of many Korean characters
        _check_text(result, data)
    return data


async def typed(connection: "Connection", handler: tuple, rest: bytes) -> bytes:
    """Serve ``(typed, function, content type)``: a response with its own content type."""
    request = connection.request
    return encode(request, (await handler[1](request)), handler[2])


async def limited(connection: "Connection", handler: tuple, rest: bytes) -> bytes:
    """Serve ``(limited, function, content type or None, ms)`` within ``ms`` milliseconds."""
    # The connection is closed only if the handler continues after it was cancelled.
    connection.limit_ms = handler[3] + _SPARE_MS
    limit = deadline(handler[3])
    try:
        with limit:
            return encode(connection.request, (await handler[1](connection.request)), handler[2])
    except Fault:
        if not limit.timer:
            from .overdue import report_overdue

            report_overdue(connection, handler[3])
        raise
    finally:
        connection.limit_ms = 0


async def streamed(connection: "Connection", handler: tuple, rest: bytes) -> bytes:
    """Serve ``(streamed, function, content type or None)``, whose function returns a generator.

    Each yielded value is sent immediately, chunked (RFC 9112, 7.1). MicroPython has no ``async
    for`` over generators, but an ``async def`` that yields is a generator whose ``await``s yield
    None to the event loop. So a yielded value is either None, which is passed on, or a chunk.

    Returns:
        The bytes that end the response.
    """
    request = connection.request
    generator = handler[1](request)
    # The first chunk is made before anything is sent, so that an error can still set the status.
    data = await _next_chunk(generator)
    content_type = handler[2] or (
        "application/octet-stream" if isinstance(data, bytes) else "text/plain; charset=utf-8"
    )
    chunked = not request.http10
    if not chunked:
        request.keep = False
    framing = "Transfer-Encoding: chunked" if chunked else None
    lead = head(request, 200, content_type, None, framing).encode()
    if request.verb == "HEAD":
        generator.close()
        return lead
    try:
        connection.streams()
        while data is not None:
            if isinstance(data, str):
                data = data.encode()
            if data:
                piece = b"%x\r\n%s\r\n" % (len(data), data) if chunked else data
                await connection.send(lead + piece)
                lead = b""
            data = await _next_chunk(generator)
    except Exception as e:
        if connection.gone:
            raise
        # Too late for a status: a broken-off answer shows the client that it is not complete.
        connection.report(e)
        request.keep = False
        return lead
    finally:
        generator.close()  # its own ``finally`` must run, even if the connection is dropped
    return lead + b"0\r\n\r\n" if chunked else lead


# async
def _next_chunk(generator):
    """Return the next chunk of a generator, or None at the end."""
    send = generator.send
    chunk = None
    try:
        chunk = send(None)
        while chunk is None:
            try:
                yield
            except BaseException as e:  # the task is cancelled: the generator's finally must run
                chunk = generator.throw(e)
            else:
                chunk = send(None)
        return chunk
    except StopIteration:
        return None


def _reason(status: int) -> str:
    code = "%d " % status
    reasons = _REASONS
    if code not in reasons:
        try:
            reasons = _rare_reasons()
        except MemoryError:
            return code  # RFC 9112, 4: the text may be missing
    at = reasons.find(code)
    return reasons[at : reasons.find("\n", at)] if at >= 0 else code


@cold
def _rare_reasons() -> str:
    return (
        "202 Accepted\n301 Moved Permanently\n302 Found\n303 See Other\n304 Not Modified\n"
        "400 Bad Request\n401 Unauthorized\n403 Forbidden\n405 Method Not Allowed\n"
        "408 Request Timeout\n409 Conflict\n413 Content Too Large\n414 URI Too Long\n"
        "415 Unsupported Media Type\n"
        "422 Unprocessable Content\n429 Too Many Requests\n431 Request Header Fields Too Large\n"
        "500 Internal Server Error\n503 Service Unavailable\n504 Gateway Timeout\n"
        "505 HTTP Version Not Supported\n507 Insufficient Storage\n"
    )


def head(
    request: "Request",
    status: int,
    content_type: str | None,
    headers: dict | None,
    framing: str | None,
) -> str:
    """Return the status line, headers and empty line; ``framing`` is a header line."""
    lines = ["HTTP/1.1 " + _reason(status)]
    names: list[str] = []
    if headers:
        for name, value in headers.items():
            for one in value if isinstance(value, list) else (value,):
                line = "%s: %s" % (name, one)
                if "\r" in line or "\n" in line:
                    raise _flaw(None)
                lines.append(line)
        names = [name.lower() for name in headers]
    if content_type and "content-type" not in names:
        lines.append("Content-Type: " + content_type)
    if framing:
        lines.append(framing)
    if not request.keep:
        lines.append("Connection: close")
    elif request.http10:
        lines.append("Connection: keep-alive")
    lines.append("\r\n")
    return "\r\n".join(lines)


def compose(
    request: "Request", status: int, body: "Any", content_type: str | None, headers: dict | None
) -> bytes:
    """Return a response of known length, without its body if the request was HEAD."""
    if status == 204 or status == 304:
        # RFC 9110, 8.6: no Content-Length with 204.
        return head(request, status, None, headers, None).encode()
    data = head(request, status, content_type, headers, "Content-Length: %d" % len(body)).encode()
    return data if request.verb == "HEAD" else data + body


def error(request: "Request", fault: "Fault") -> bytes:
    """Return the response to a request that ended in a ``Fault``."""
    return compose(
        request,
        fault.status,
        json.dumps({"error": fault.message}, separators=_TIGHT).encode(),
        "application/json",
        fault.headers,
    )


def is_json(value: "Any") -> bool:
    """Return whether JSON can hold ``value``. ``refuse`` reports what it cannot.

    MicroPython's writer accepts everything: a set becomes ``{2, 1}``, an object ``<Probe object>``,
    and an infinite number ``inf``. Checking a result takes a fraction of the time to write it.
    """
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list) and type(value) is not tuple:
        if isinstance(value, float):
            return not value - value  # the difference is nan for nan and for infinite numbers
        return isinstance(value, _PLAIN)
    for item in value:
        if isinstance(item, _PLAIN):
            continue
        if isinstance(item, dict):  # a row: without a call for each value it takes half the time
            for cell in item.values():
                if isinstance(cell, _PLAIN) or (type(cell) is float and not cell - cell):
                    continue
                if not is_json(cell):
                    return False
        elif not is_json(item):
            return False
    return True


@cold
def _flaw(found) -> Exception:
    """Return the error for a status, for the type of a result, or (None) for a header."""
    if isinstance(found, type):
        return TypeError("a handler returned %s" % found)
    if found is None:
        return ValueError("a header holds a line break")
    return ValueError("status %s is not 200 to 599" % found)


@cold
def _check_text(value, data) -> None:
    """Raise ``ValueError`` if ``data``, the JSON text of ``value``, is not UTF-8.

    A ``str`` of MicroPython can hold half a surrogate pair.
    """
    from .wire import text

    try:
        text(data)
    except UnicodeError:
        refuse(value, "")
        raise


@cold
def refuse(value: "Any", path: str) -> None:
    """Raise ``ValueError`` for the first part of ``value`` that JSON cannot hold.

    Args:
        value: The result of a handler, or a part of it.
        path: The path to that part, such as ``rows[0].celsius``; empty for the complete result.
    """
    kind = type(value)
    if isinstance(value, dict):
        for key in value:
            if isinstance(key, str):
                _refuse_half_pair(key, "a key of " + (path or "the answer"))
            refuse(value[key], "%s.%s" % (path, key) if path else str(key))
    elif kind is tuple or isinstance(value, list):
        for i in range(len(value)):
            refuse(value[i], "%s[%d]" % (path, i))
    elif isinstance(value, str):
        _refuse_half_pair(value, path or "the answer")
    elif kind is float:
        if value - value != 0:
            raise ValueError(_LACKS % (path or "the answer", value, "None for it"))
    elif value is not None and not isinstance(value, (int, bool)):
        instead = _INSTEAD.get(kind.__name__, "a list, a dict, text or a number")
        raise ValueError(_LACKS % (path or "the answer", kind.__name__, instead))


def _refuse_half_pair(value: str, path: str) -> None:
    from ..utf8 import flaw

    data = value.encode()
    at = flaw(data)
    if at >= 0 and data[at] == 0xED:
        code = 0xD000 | (data[at + 1] & 63) << 6 | data[at + 2] & 63
        raise ValueError("%s: U+%04X is half a surrogate pair, not a character" % (path, code))
