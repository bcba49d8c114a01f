# A floor: the smallest program that serves a JSON route over asyncio's streams, with keep-alive.
import asyncio
import gc
import json
import sys


async def serve(reader, writer):
    while True:
        line = await reader.readline()
        if not line:
            break
        close = False
        while (header := await reader.readline()) not in (b"\r\n", b""):
            close = close or header == b"Connection: close\r\n"
        name = line.split(b" ")[1].split(b"/")[2].decode()
        body = json.dumps({"name": name, "limit": 10})
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
            % (len(body), body)
        )
        await writer.drain()
        if close:
            break
    writer.close()
    await writer.wait_closed()


async def main():
    await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    gc.collect()
    print("ready")
    await asyncio.sleep(100000)


asyncio.run(main())
