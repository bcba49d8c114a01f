"""A store that accepts commands, one JSON line each: ``model.py FIRMWARE``."""

import sys

firmware, here = sys.argv[1], sys.argv[0].rsplit("/", 1)[0]
sys.path[:] = [firmware, here, ".frozen"]

import asyncio  # noqa: E402
import json  # noqa: E402

import vfs  # noqa: E402
from flash import Flash, mounted  # noqa: E402

from torpor import Fault  # noqa: E402
from torpor.store import recovery  # noqa: E402
from torpor.store.database import Store  # noqa: E402

BLOCKS = 48


class CutFlash(Flash):
    """Dies in the middle of an operation, some operations after ``left`` was set."""

    left = -1

    def _spend(self):
        if self.left == 0:
            raise OSError(5)
        self.left -= self.left > 0
        return self.left == 0

    def writeblocks(self, block, buffer, offset=0):
        if self._spend():
            super().writeblocks(block, buffer[: len(buffer) // 2], offset)
            raise OSError(5)
        super().writeblocks(block, buffer, offset)

    def readblocks(self, block, buffer, offset=0):
        if self.left == 0:
            raise OSError(5)
        super().readblocks(block, buffer, offset)

    def ioctl(self, op, arg):
        if op == 6 and self._spend():
            raise OSError(5)
        return super().ioctl(op, arg)


class Board:
    """The objects that exist between two power-ons."""

    def __init__(self, flash, make=False) -> None:
        self.flash = flash
        vfs.mount(mounted(flash, make), "/f")
        self.store = Store("s", "/f/data")
        self.tables = {
            "num": self.store.table("num"),
            "kv": self.store.table("kv"),
            "log": self.store.table("log", keep=30),
            "lazy": self.store.table("lazy", commit="wake"),
        }

    async def do(self, do, table="", key=None, row=None, **more):
        t = self.tables.get(table)
        if do == "put":
            return await t.put(key, row)
        if do == "delete":
            return await t.delete(key)
        if do == "append":
            return await t.append(row)
        if do == "get":
            return await t.get(key)
        if do == "count":
            return await t.count()
        if do == "prune":
            return await t.prune(key)
        if do == "flush":
            return self.store.flush()
        if do == "batch":
            async with self.store.batch():
                for name, k, r in more["writes"]:
                    await self.tables[name].put(k, r)
            return None
        found = []
        async for item in t.scan(**more):
            found.append(item)
        return found


async def main():
    board = Board(CutFlash(BLOCKS), True)
    dead = []  # their files must not be closed by the collector
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if command["do"] == "restart":
                recovery.close(board.store)
                vfs.umount("/f")
                dead.append(board)
                board = Board(CutFlash(BLOCKS, data=board.flash.data))
                answer = {"value": None}
            elif command["do"] == "cut":
                board.flash.left = command["after"]
                answer = {"value": None}
            else:
                answer = {"value": await board.do(**command)}
        except Fault as fault:
            answer = {"fault": fault.status}
        except OSError:
            if board.flash.left != 0:
                raise
            vfs.umount("/f")
            dead.append(board)
            board = Board(CutFlash(BLOCKS, data=board.flash.data))
            answer = {"cut": True}
        # After a marker: output of the collector about files on a dead flash is not an answer.
        sys.stdout.write("> " + json.dumps(answer) + "\n")


asyncio.run(main())
