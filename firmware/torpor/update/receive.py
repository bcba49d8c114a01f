"""Receives an update: answers the calls of ``torpor update``, signed with the cluster's key.

No call leaves anything in the heap: what has arrived is in ``/.new``, so an update goes on after a
lost connection or a power cut, and the board's memory is free between two calls. The order is
``head`` (the bytes of the manifest), ``check`` (its signature; which files are needed), ``put``
(pieces of files), ``commit``. ``slots.py`` explains what happens then.

A file below ``/.new`` and ``/.old`` is called by a hash of its line in the manifest. So a file that
an interrupted update left, or that the previous image had, is found again by its name.
"""

import asyncio
import os
import sys
from binascii import a2b_base64, hexlify
from hashlib import sha256

from micropython import const

from .. import kernel
from ..cold import cold
from ..service import Fault
from . import manifest

_NEW = "/.new/"
_OLD = "/.old/"
_KEYS = "/signing.pub"
_PIECE = const(2048)  # bytes of a file in a call, before they are compressed
_WINDOW = const(11)  # bits of the window of deflate: what a piece has
_BLOCK = const(4096)  # bytes that are hashed in a row
_SPARE = const(8)  # blocks of the filesystem for lists and folders
_RESET_MS = const(300)  # for the last answer to leave


@cold
class Steps:
    """The questions that ``torpor update`` asks, in this order. Each raises ``Fault``."""

    async def status() -> dict:
        """Return what the board runs, and how the last update ended."""
        fs = os.statvfs("/")
        cluster = kernel.current.cluster
        return {
            "cluster": cluster.NAME,
            "board": cluster.BOARD,
            "build": hexlify((await _digest("/image.txt"))[:8]).decode(),
            "counter": _counter(),
            "firmware": "%d.%d.%d" % sys.implementation.version[:3],
            "production": _is_production(),
            "free": fs[0] * fs[3],
            "trial": _read("/.trial"),
            "failed": _read("/.failed"),
            "down": kernel.current.failed,
        }

    async def listing(at: int) -> bytes:
        """Return bytes of the list of the image's files, ``image.txt``."""
        with open("/image.txt", "rb") as file:
            file.seek(at)
            return file.read(_BLOCK)

    async def head(at: int, data: str) -> int:
        """Append bytes to the manifest, and return how many there are."""
        if ".trial" in os.listdir("/"):
            raise Fault(409, "the last update is on trial")
        _mkdir(_NEW)
        if at == 0:
            _remove(_NEW + "head")
            _remove(_NEW + "manifest")
        have = max(0, _size(_NEW + "head"))
        if at != have:
            return have
        new = _inflated(data, _PIECE)
        if have + len(new) > manifest.MAX_MANIFEST:
            raise Fault(413, "the manifest has more than %d bytes" % manifest.MAX_MANIFEST)
        with open(_NEW + "head", "ab") as file:
            file.write(new)
        return have + len(new)

    async def check(signature: str) -> dict:
        """Verify the manifest and return which files are needed: ``[[line, bytes there], ...]``.

        A line is given by the place in the manifest where it begins.
        """
        try:
            needed = await _checked(_NEW + "head", _base64(signature))
        except (Fault, ValueError) as e:
            _remove(_NEW + "head")
            if isinstance(e, Fault):
                raise
            raise Fault(400, "the manifest is not valid: %s" % e)
        os.rename(_NEW + "head", _NEW + "manifest")
        return {"needed": needed}

    async def put(line: int, at: int, data: str) -> int:
        """Append bytes to a file of the manifest, and return how many there are."""
        digest, size, path, name = _line_at(line)
        have = max(0, _size(_NEW + name))
        if at != have:
            return have
        new = _inflated(data, min(_PIECE, size - have))
        with open(_NEW + name, "ab") as file:
            file.write(new)
        have += len(new)
        if have == size and await _digest(_NEW + name) != digest:
            _remove(_NEW + name)
            raise Fault(422, "%s is not what was signed" % path)
        return have

    async def commit() -> dict:
        """Make the update valid, and restart the board into its trial."""
        if _size(_NEW + "manifest") < 0:
            raise Fault(409, "there is no manifest that was checked")
        with open(_NEW + "manifest", "rb") as file:
            fields = manifest.head(file.readline)
            if fields["counter"] <= _counter():
                raise Fault(409, "this update was committed before")
            await _write_lists(file)
        trial = {
            "build": fields["build"],
            "counter": fields["counter"],
            "confirm": fields["confirm"],
            "down": list(kernel.current.failed),
        }
        _write_json(_NEW + "trial", trial)
        _write_json("/.counter", fields["counter"])
        _remove("/.failed")
        os.rename(_NEW + "list", _NEW + "update")  # from here on it is valid
        asyncio.create_task(_restart())
        return {"build": fields["build"]}

    async def cancel() -> None:
        """Forget what has arrived."""
        _clear(_NEW)


@cold
async def _checked(path: str, signature: bytes) -> list:
    """Verify a manifest and return which of its lines are needed."""
    with open(_KEYS, "rb") as file:
        keys = file.read(768)
    if not manifest.genuine(await _digest(path), signature, keys):
        raise Fault(403, "the manifest is not signed with a key that this board knows")
    with open(path, "rb") as file:
        await _accept(file)
    with open(path, "rb") as file:
        return await _needed(file)


@cold
async def _accept(file) -> None:
    """Check all of a manifest that is signed. Raises ``Fault`` or ``ValueError``."""
    fields = manifest.head(file.readline)
    cluster = kernel.current.cluster
    if (fields["cluster"], fields["board"]) != (cluster.NAME, cluster.BOARD):
        raise Fault(409, "the update is for %s of %s" % (fields["board"], fields["cluster"]))
    if fields["counter"] <= _counter():
        raise Fault(409, "the update is older than one that was here: its counter is not above it")
    if tuple(sys.implementation.version[:3]) < fields["firmware"]:
        raise Fault(409, "the update needs MicroPython %d.%d.%d: flash it" % fields["firmware"])
    last = ""
    start = 0
    while True:
        line = file.readline(manifest.MAX_LINE)
        if not line:
            break
        path = manifest.entry(line)[2]
        if path <= last:
            raise ValueError("the order of the paths")
        last = path
        start += path in ("boot.py", "image.txt", "main.py")
        await asyncio.sleep_ms(0)
    if start != 3:
        raise ValueError("files that the board needs to start are missing")


@cold
async def _needed(file) -> list:
    """Return the lines whose files differ. What was left of other updates goes away."""
    needed: list = []
    keep = ["head"]
    fs = os.statvfs("/")
    blocks = _SPARE
    manifest.head(file.readline)
    while True:
        at = file.tell()
        line = file.readline(manifest.MAX_LINE)
        if not line:
            break
        digest, size, path = manifest.entry(line)
        if await _digest("/" + path) == digest:
            continue
        name = _name(line)
        if _size(_OLD + name) == size:
            os.rename(_OLD + name, _NEW + name)
        have = max(0, _size(_NEW + name))
        if have > size or (have == size and await _digest(_NEW + name) != digest):
            _remove(_NEW + name)
            have = 0
        keep.append(name)
        blocks += (size - have) // fs[0] + 1
        if "/" not in path:
            blocks += _size("/" + path) // fs[0] + 1  # see _plan
        needed.append([at, have])
    for name in os.listdir("/.new"):
        if name not in keep:
            _remove(_NEW + name)
    _clear(_OLD)
    free = os.statvfs("/")[3]
    if blocks > free:
        raise Fault(
            507,
            "the new files need %d more bytes, and %d are free" % (blocks * fs[0], free * fs[0]),
        )
    return needed


@cold
async def _write_lists(file) -> None:
    """Write ``/.new/list`` and ``/.old/back``, and copy the files of the root there."""
    _clear(_OLD)
    _mkdir(_OLD)
    with open(_NEW + "list", "w") as plan, open(_OLD + "back~", "w") as back:
        with open("/image.txt") as listing:
            before = _next_path(listing)
            while True:
                line = file.readline(manifest.MAX_LINE)
                path = manifest.entry(line)[2] if line else None
                while before and (path is None or before < path):
                    await _plan(plan, back, "-", before)
                    before = _next_path(listing)
                if before == path:
                    before = _next_path(listing)
                if not line:
                    break
                digest, size, path = manifest.entry(line)
                if await _digest("/" + path) != digest:
                    name = _name(line)
                    if _size(_NEW + name) != size or await _digest(_NEW + name) != digest:
                        raise Fault(409, "%s has not arrived" % path)
                    await _plan(plan, back, name, path)
    os.rename(_OLD + "back~", _OLD + "back")


@cold
async def _plan(plan, back, new: str, path: str) -> None:
    """Write the line of a file that becomes another one, or is removed, into both lists."""
    digest = await _digest("/" + path)
    old = "-"
    if digest:
        old = _name(_line(digest, _size("/" + path), path))
        back.write("+%s %s\n" % (old, path))
        if "/" not in path:
            # Not moved by slots.py: the files that start the chip are here, and must be there at
            # any instant. LittleFS hides the file that follows one which is moved out of a folder,
            # from a power cut until something is opened for writing (tests/crash/test_update_cut).
            _copy("/" + path, _OLD + old)
    elif new == "-":
        return  # it is in the list, but not on the board
    else:
        back.write("-%s\n" % path)
    plan.write("%s %s %s\n" % (new, old, path))


@cold
async def _restart() -> None:
    import machine

    await asyncio.sleep_ms(_RESET_MS)
    kernel.current.save()
    machine.reset()


def _next_path(listing) -> "str | None":
    """Return the next path of ``image.txt`` that an update may touch."""
    while True:
        line = listing.readline()
        if not line:
            return None
        path = line[66:].rstrip("\n")
        if path != "secrets.json":
            return path


def _line_at(place: int) -> tuple:
    """Return digest, size, path and name of the line that begins at that place."""
    try:
        with open(_NEW + "manifest", "rb") as file:
            file.seek(max(0, place - 1))
            if place > 0 and file.read(1) == b"\n":
                line = file.readline(manifest.MAX_LINE)
                return manifest.entry(line) + (_name(line),)
    except OSError:
        raise Fault(409, "there is no manifest that was checked")
    except ValueError:
        pass
    raise Fault(400, "no file of the manifest")


def _line(digest: bytes, size: int, path: str) -> bytes:
    return ("%s %d %s\n" % (hexlify(digest).decode(), size, path)).encode()


def _name(line: bytes) -> str:
    return hexlify(sha256(line).digest()[:8]).decode()


@cold
async def _digest(path: str) -> bytes:
    """Return the SHA-256 of a file; empty if there is none."""
    h = sha256()
    buffer = memoryview(bytearray(512))
    hashed = 0
    try:
        with open(path, "rb") as file:
            while True:
                n = file.readinto(buffer)
                if not n:
                    return h.digest()
                h.update(buffer[:n])
                hashed += n
                if hashed % _BLOCK == 0:
                    await asyncio.sleep_ms(0)
    except OSError:
        return b""


def _inflated(data: str, most: int) -> bytes:
    """Return what was compressed. Raises ``Fault`` if that is more than ``most`` bytes."""
    from io import BytesIO

    import deflate

    try:
        new = deflate.DeflateIO(BytesIO(_base64(data)), deflate.RAW, _WINDOW).read(most + 1)
    except (OSError, EOFError):
        raise Fault(400, "data is not compressed with deflate")
    if len(new) > most:
        raise Fault(413, "data: expected at most %d bytes" % most)
    return new


def _base64(text: str) -> bytes:
    try:
        return a2b_base64(text)
    except ValueError:
        raise Fault(400, "expected base64")


def _counter() -> int:
    """Return the highest counter that was ever committed here."""
    return _read("/.counter") or 0


def _is_production() -> bool:
    with open("/boot.py") as file:
        return "kbd_intr" in file.read()


def _read(path: str):
    import json

    try:
        with open(path) as file:
            return json.load(file)
    except (OSError, ValueError):
        return None


def _write_json(path: str, value) -> None:
    import json

    with open(path + "~", "w") as file:
        json.dump(value, file)
    os.rename(path + "~", path)


def _size(path: str) -> int:
    """Return the size of a file, or -1 if there is none."""
    try:
        return os.stat(path)[6]
    except OSError:
        return -1


def _copy(path: str, to: str) -> None:
    buffer = memoryview(bytearray(512))
    with open(path, "rb") as source, open(to, "wb") as copy:
        while True:
            n = source.readinto(buffer)
            if not n:
                return
            copy.write(buffer[:n])


def _mkdir(path: str) -> None:
    try:
        os.mkdir(path[:-1])
    except OSError:
        pass  # it is there


def _remove(path: str) -> None:
    try:
        os.remove(path)
    except OSError:
        pass  # it is not there


def _clear(folder: str) -> None:
    """Remove a folder. Its list goes first: half a change is not valid."""
    try:
        names = os.listdir(folder[:-1])
    except OSError:
        return
    for name in sorted(names, key=lambda name: name != "back"):
        os.remove(folder + name)
    os.rmdir(folder[:-1])
