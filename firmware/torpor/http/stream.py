"""Answers that are sent as they are made: an async generator, chunked (RFC 9112, 7.1).

MicroPython has no ``async for`` over generators, but an ``async def`` that yields is a generator
whose ``await``s yield None to the event loop. So what it yields is either None, which is passed on,
or a chunk.
"""

from .response import head


async def serve(connection, handler, rest):
    """Serves ``(serve, function, content type or None)``, whose function returns a generator.

    Returns the bytes that end the answer.
    """
    request = connection.request
    generator = handler[1](request)
    # The first chunk is made before anything is sent: until then an error has a status of its own.
    data = await _next(generator)
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
            data = await _next(generator)
    except Exception as e:
        if connection.gone:
            raise
        # Too late for a status: an answer that breaks off shows the client that it is not whole.
        connection.report(e)
        request.keep = False
        return lead
    finally:
        generator.close()  # its own ``finally`` must run, also when the connection is dropped
    return lead + b"0\r\n\r\n" if chunked else lead


# async
def _next(generator):
    """The next chunk, or None at the end."""
    send = generator.send
    chunk = None
    try:
        chunk = send(None)
        while chunk is None:
            try:
                yield
            except (
                BaseException
            ) as e:  # the task is being cancelled: the generator's finally must run
                chunk = generator.throw(e)
            else:
                chunk = send(None)
        return chunk
    except StopIteration:
        return None
