"""A client that returns the status of one response."""

from __future__ import annotations

import asyncio
import socket

from torpor_sim.board import SimBoard


async def status(board: SimBoard, port: int, path: str) -> int:
    """Return the status of a response; 0 if the connection ends without one."""
    # The request is sent at once, because the board evicts silent clients.
    sock = socket.create_connection((board.place.address, board.place.ports[port]), timeout=60)
    sock.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
    reader, writer = await asyncio.open_connection(sock=sock)
    try:
        head = await reader.read()
        return int(head.split()[1]) if head else 0
    except ConnectionError:
        return 0
    finally:
        writer.close()
