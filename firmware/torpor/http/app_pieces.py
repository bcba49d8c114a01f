"""Answers of an application that are sent in pieces: files, generators, events. An overlay."""

from .. import cold
from .response import head

cold.until_collected(__name__)


async def send(connection, response) -> bytes:
    """Send a Microdot response and return the bytes that end it.

    Clients of HTTP/1.1 get it chunked, so that they can see whether it is whole.
    """
    request = connection.request
    response.complete()
    if hasattr(response.body, "packed"):
        _choose_encoding(request, response)
    chunked = not request.http10
    headers = {}
    for name, value in response.headers.items():
        lower = name.lower()
        if lower == "connection":
            if "close" in value.lower():
                request.keep = False
            continue
        if lower == "content-length" or lower == "transfer-encoding":
            chunked = False
        headers[name] = value
    status = response.status_code
    has_body = not (response.is_head or status < 200 or status == 204 or status == 304)
    if not chunked and not isinstance(response.body, bytes):
        request.keep = False
    framing = "Transfer-Encoding: chunked" if chunked and (has_body or response.is_head) else None
    lead = head(request, status, None, headers, framing)
    if response.reason is not None:
        if "\r" in response.reason or "\n" in response.reason:
            raise ValueError("a reason holds a line break")
        lead = "HTTP/1.1 %d %s%s" % (status, response.reason, lead[lead.find("\r\n") :])
    return await _send_pieces(connection, response, lead.encode(), has_body, chunked)


async def _send_pieces(connection, response, lead: bytes, has_body: bool, chunked: bool) -> bytes:
    pieces = response.body_iter()
    try:
        if not has_body:
            return lead
        connection.streams()
        if hasattr(response.body, "__anext__"):
            await connection.send(lead)  # the first event may be long in coming
            lead = b""
        pieces.__aiter__()
        while True:
            piece = await _next(response.body, pieces)
            if isinstance(piece, str):
                piece = piece.encode()
            size = len(piece)
            if size:  # an empty chunk would be the last
                if chunked:
                    piece = b"%x\r\n" % size + piece + b"\r\n"
                await connection.send(lead + piece)
                lead = b""
    except StopAsyncIteration:
        return lead + b"0\r\n\r\n" if chunked else lead
    except Exception as e:
        if lead or connection.gone:
            raise  # what fails before the head is sent still gets a status of its own
        connection.report(e)
        connection.request.keep = False
        return b""
    finally:
        if hasattr(pieces, "aclose"):
            await pieces.aclose()


async def _next(body, pieces):
    if not hasattr(body, "__next__"):
        return await pieces.__anext__()
    try:
        return next(body)
    except StopIteration:  # raised in a coroutine of MicroPython it would be a result of None
        raise StopAsyncIteration


def _choose_encoding(request, response) -> None:
    """Send a file that the image has compressed as it is, to clients that take it."""
    headers = response.headers
    if "Content-Encoding" in headers:
        return
    vary = headers.get("Vary")
    headers["Vary"] = vary + ", Accept-Encoding" if vary else "Accept-Encoding"
    if _takes_gzip(request.header("accept-encoding") or b""):
        headers["Content-Encoding"] = "gzip"
        response.body = response.body.packed


def _takes_gzip(accept: bytes) -> bool:
    # RFC 9110, 12.5.3. A weight of 0 is a refusal.
    for each in accept.lower().split(b","):
        name, _, weight = each.partition(b";")
        if name.strip() in (b"gzip", b"x-gzip", b"*"):
            return weight.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return False
