"""Makes an update valid, and restarts the board.

``plan.py`` has written the list of what changes. This writes the list of the way back.
"""

import asyncio
import os

from micropython import const

from .. import Fault, kernel
from ..cold import cold
from . import files, state

_RESET_MS = const(300)  # time to send the last answer


@cold
async def commit() -> dict:
    """Make the planned update valid, and restart the board into its trial."""
    fields = _head()
    if fields["counter"] <= state.counter():
        raise Fault(409, "this update was committed before")
    _write_way_back(fields.get("drop", ""))
    current = kernel.current
    trial = {
        "build": fields["build"],
        "counter": fields["counter"],
        "confirm": fields["confirm"],
        # Services that safe mode keeps from running must start in the new image.
        "down": [name for name in current.failed if name not in getattr(current, "safe", ())],
    }
    state.write(files.NEW + "trial", trial)
    state.write("/.counter", fields["counter"])
    files.remove("/.failed")
    os.rename(files.NEW + "list", files.NEW + "update")  # from here on it is valid
    asyncio.create_task(_restart())
    return {"build": fields["build"]}


@cold
def _head() -> dict:
    """Return the fields of the manifest. It was checked, so this needs less code."""
    fields: dict = {}
    for line in files.lines(files.NEW + "manifest"):
        name, _, value = str(line, "utf-8")[:-1].partition("=")
        if not name:
            break
        fields[name] = value
    for name in ("counter", "confirm"):
        fields[name] = int(fields[name])
    return fields


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
    with open(files.OLD + "back~", "w") as back:
        for line in files.lines(files.NEW + "list"):
            _, old, path = str(line, "utf-8")[:-1].split(" ", 2)
            if old == "-":
                back.write("-%s\n" % path)
            else:
                back.write("+%s %s\n" % (old, path))
                if "/" not in path:
                    root.append((old, path))
    return root


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
