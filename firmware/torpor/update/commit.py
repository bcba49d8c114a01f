"""Makes an update valid: writes the lists that ``slots.py`` carries out, and restarts the board."""

import asyncio
import os
from binascii import unhexlify

from micropython import const

from .. import Fault, kernel
from ..cold import cold
from . import files

_RESET_MS = const(300)  # time to send the last answer


@cold
async def commit() -> dict:
    """Make the update valid, and restart the board into its trial."""
    if files.size_of(files.NEW + "manifest") < 0:
        raise Fault(409, "there is no manifest that was checked")
    with open(files.NEW + "manifest", "rb") as file:
        fields = _head(file)
        at = file.tell()
    file = None
    if fields["counter"] <= files.counter():
        raise Fault(409, "this update was committed before")
    await _list_removed(at)
    with open(files.NEW + "list", "w") as plan:
        # First what is removed, because a folder may take its path.
        await _plan_removed(plan)
        await _plan_changed(plan, at)
    plan = None
    _write_way_back(fields.get("drop", ""))
    current = kernel.current
    trial = {
        "build": fields["build"],
        "counter": fields["counter"],
        "confirm": fields["confirm"],
        # Services that safe mode keeps from running must start in the new image.
        "down": [name for name in current.failed if name not in getattr(current, "safe", ())],
    }
    files.write(files.NEW + "trial", trial)
    files.write("/.counter", fields["counter"])
    files.remove("/.failed")
    os.rename(files.NEW + "list", files.NEW + "update")  # from here on it is valid
    asyncio.create_task(_restart())
    return {"build": fields["build"]}


@cold
def _head(file) -> dict:
    """Return the fields of the manifest. It was checked, so this needs less code."""
    fields: dict = {}
    while True:
        name, _, value = str(files.read_line(file), "utf-8")[:-1].partition("=")
        if not name:
            break
        fields[name] = value
    for name in ("counter", "confirm"):
        fields[name] = int(fields[name])
    return fields


@cold
def _entry(line: bytes) -> tuple:
    """Return SHA-256, size and path of a file's line."""
    digest, size, path = str(line, "utf-8")[:-1].split(" ", 2)
    return unhexlify(digest), int(size), path


# An open file takes 1.2 kB of heap, also once it is closed, as long as a variable refers to it. So
# each of these functions opens few files, and returns before the next one opens others.
@cold
async def _list_removed(at: int) -> None:
    """Write the paths of the image that the new one lacks into ``/.new/removed``."""
    with open(files.NEW + "manifest", "rb") as file, open("/image.txt") as listing:
        with open(files.NEW + "removed", "w") as removed:
            file.seek(at)
            before = _next_path(listing)
            while before:
                line = files.read_line(file)
                path = _entry(line)[2] if line else ""
                while before and (not line or before < path):
                    removed.write(before + "\n")
                    before = _next_path(listing)
                if before == path:
                    before = _next_path(listing)
                await asyncio.sleep_ms(0)


@cold
async def _plan_removed(plan) -> None:
    with open(files.NEW + "removed") as removed:
        for line in removed:
            path = line[:-1]
            _plan(plan, "-", path, await files.digest_of("/" + path))


@cold
async def _plan_changed(plan, at: int) -> None:
    with open(files.NEW + "manifest", "rb") as file:
        file.seek(at)
        while True:
            line = files.read_line(file)
            if not line:
                return
            digest, size, path = _entry(line)
            before = await files.digest_of("/" + path)
            if before != digest:
                name = files.name_of(line)
                if (
                    files.size_of(files.NEW + name) != size
                    or await files.digest_of(files.NEW + name) != digest
                ):
                    raise Fault(409, "%s has not arrived" % path)
                _plan(plan, name, path, before)


@cold
def _write_way_back(drop: str) -> None:
    """Write ``/.old/back``, and copy the files of the root there.

    slots.py does not move these files: they start the chip, so they must always exist. After a
    power cut, LittleFS hides the file that follows one which was moved out of a folder, until
    something is opened for writing (tests/crash/test_update_cut).
    """
    files.clear(files.OLD)
    files.mkdir(files.OLD)
    for old, path in _write_back():
        _copy("/" + path, files.OLD + old)
    if drop:
        _drop(drop.split(","))
    os.rename(files.OLD + "back~", files.OLD + "back")


@cold
def _drop(services: list) -> None:
    """List the services whose data the update drops."""
    files.mkdir("/.dropped/")
    for path in (files.NEW + "drop", files.OLD + "restore"):
        with open(path, "w") as file:
            file.write("\n".join(services))
    with open(files.OLD + "back~", "a") as back:
        back.write("+restore .restore\n")


@cold
def _write_back() -> list:
    """Write the list, and return name and path of the files of the root."""
    root = []
    with open(files.NEW + "list") as plan, open(files.OLD + "back~", "w") as back:
        for line in plan:
            _, old, path = line[:-1].split(" ", 2)
            if old == "-":
                back.write("-%s\n" % path)
            else:
                back.write("+%s %s\n" % (old, path))
                if "/" not in path:
                    root.append((old, path))
    return root


@cold
def _plan(plan, new: str, path: str, digest: bytes) -> None:
    """Write the line of a file that is replaced or removed, whose SHA-256 was ``digest``."""
    if digest:
        line = files.line_of(digest, files.size_of("/" + path), path)
        plan.write("%s %s %s\n" % (new, files.name_of(line), path))
    elif new != "-":  # otherwise it is in the image's list, but not on the board
        plan.write("%s - %s\n" % (new, path))


@cold
async def _restart() -> None:
    import machine

    await asyncio.sleep_ms(_RESET_MS)
    kernel.current.save()
    machine.reset()


@cold
def _copy(path: str, to: str) -> None:
    buffer = memoryview(bytearray(512))
    with open(path, "rb") as source, open(to, "wb") as copy:
        while True:
            n = source.readinto(buffer)
            if not n:
                return
            copy.write(buffer[:n])


def _next_path(listing) -> "str | None":
    """Return the next path of ``image.txt`` that an update may touch."""
    while True:
        line = listing.readline()
        if not line:
            return None
        path = line[66:].rstrip("\n")
        if path != "secrets.json":
            return path
