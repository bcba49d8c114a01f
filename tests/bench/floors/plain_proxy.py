# A floor: the smallest proxy. It copies bytes without parsing them.
#   python plain_proxy.py <port to listen on> <address> <port of the server behind it>
import asyncio
import sys


async def copy(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(reader, writer):
    server_reader, server_writer = await asyncio.open_connection(*sys.argv[2:4])
    await asyncio.gather(copy(reader, server_writer), copy(server_reader, writer))


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
