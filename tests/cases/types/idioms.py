"""What services write every day: none of it may be called a mistake, on any board."""

import array
import asyncio
import binascii
import collections
import errno
import gc
import hashlib
import io
import json
import math
import os
import random
import re
import select
import socket
import struct
import sys
import time

import micropython
from micropython import const

from torpor import Service, clock, every, get, system

_SIZE = const(16)


def ticks() -> int:
    return time.ticks_ms()


def later(start: int, ms: int) -> int:
    return time.ticks_add(start, ms)


def elapsed(start: int) -> int:
    return time.ticks_diff(ticks(), start) + time.ticks_diff(time.ticks_ms(), start)


class A(Service):
    def __init__(self, name, config):
        super().__init__(name, config)
        self._data = array.array("h", [0] * _SIZE)
        self._rows: list[dict] = []

    async def start(self) -> None:
        self._event = asyncio.Event()
        self._lock = asyncio.Lock()
        self.spawn(self._loop, 3)

    @get("/x")
    async def x(self, limit: int = 3) -> list[dict]:
        info = system.info()
        self.log.info("%d %s", limit, info)
        return self._rows[-limit:]

    @every(seconds=5)
    async def sample(self) -> None:
        self._rows.append({"time": clock.now(), "celsius": self._data[0] / 100})

    async def _loop(self, n: int) -> None:
        while n:
            async with self._lock:
                await asyncio.sleep_ms(10)
            self._event.set()
            n -= 1


async def tasks() -> None:
    async def job() -> int:
        await asyncio.sleep(0)
        return 1

    task = asyncio.create_task(job())
    task.cancel()
    try:
        await asyncio.wait_for(job(), 1)
        await asyncio.wait_for_ms(job(), 100)
    except asyncio.TimeoutError:
        pass
    except asyncio.CancelledError:
        raise
    print(await asyncio.gather(job(), job(), return_exceptions=True))
    flag = asyncio.ThreadSafeFlag()
    flag.set()
    await flag.wait()
    reader, writer = await asyncio.open_connection("host", 80)
    writer.write(await reader.readline())
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    asyncio.get_event_loop().create_task(job())
    asyncio.current_task()


def board() -> None:
    gc.collect()
    print(gc.mem_free() + gc.mem_alloc())
    print(os.statvfs("/")[0], os.listdir("/"), os.stat("x")[6], os.urandom(3))
    print(sys.platform, sys.implementation.version, sys.version_info[0])


def errors() -> None:
    try:
        json.loads("{")
    except ValueError as e:
        sys.print_exception(e)
    except OSError as e:
        if e.errno in (errno.ETIMEDOUT, errno.ENOENT) or e.args[0] == errno.EAGAIN:
            text = io.StringIO()
            sys.print_exception(e, text)
            print(text.getvalue())


def values() -> dict:
    digest = hashlib.sha256(b"x").digest()
    print(binascii.hexlify(digest).decode(), bytes.fromhex("ab"), b"a".hex())
    print(random.random(), random.randint(1, 2), random.choice([1, 2]), random.getrandbits(3))
    match = re.match("(a)", "ab")
    if match:
        print(match.group(1))
    queue = collections.deque((), 10)
    queue.append(1)
    ordered = collections.OrderedDict()
    ordered["x"] = queue.popleft()
    view = memoryview(bytearray(10))
    view[0:2] = b"ab"
    print(math.floor(1.5), math.isfinite(2.0), time.time() + 1, time.gmtime()[0], time.gmtime()[:6])
    print("%d %s" % (1, "x"), "{:5.1f}".format(2.0), f"{1:>3}", int.from_bytes(b"ab", "little"))
    print(sorted([3, 1], key=lambda v: -v), min(1, 2), sum([1.0, 2]), list(zip([1], [2])))
    with open("x", "rb") as file:
        print(file.read(10), file.readinto(bytearray(3)))
    with open("x", "w") as text:
        text.write("abc")
        json.dump({}, text)
    return {"x": [1, 2.0, None]}


def sockets() -> None:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.connect(socket.getaddrinfo("host", 80)[0][-1])
    sock.setblocking(False)
    sock.write(b"x")
    sock.readinto(bytearray(3))
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    for event in poll.ipoll(10):
        print(event[0], event[1] & select.POLLHUP)
    sock.close()


@micropython.native
def fast(x: int) -> int:
    return x


def ring(buffer, at=0):
    for _ in range(at):
        yield buffer[at]
