# A floor: the smallest program that serves a JSON route, with sockets read in the event loop.
# It understands one form of request, and has no checks, routes, limits or timeouts.
import asyncio
import gc
import json
import socket
import sys
from asyncio import core


async def serve(sock):
    try:
        await answer(sock)
    except OSError:
        pass  # the client has closed the connection
    sock.close()


async def answer(sock):
    buffer = bytearray(1460)
    wait = core._io_queue.queue_read
    while True:
        n = sock.readinto(buffer)
        if n is None:
            yield wait(sock)
            continue
        if n == 0:
            break
        head = bytes(memoryview(buffer)[:n])
        name = head.split(b" ", 2)[1].split(b"/")[2].decode()
        body = json.dumps({"name": name, "limit": 10}).encode()
        sock.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )
        if b"Connection: close" in head:
            break


async def accept(listener):
    while True:
        yield core._io_queue.queue_read(listener)
        sock, _ = listener.accept()
        sock.setblocking(False)
        asyncio.create_task(serve(sock))


async def main():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(socket.getaddrinfo("127.0.0.1", int(sys.argv[1]))[0][-1])
    listener.listen(16)
    listener.setblocking(False)
    gc.collect()
    print("ready")
    await accept(listener)


asyncio.run(main())
