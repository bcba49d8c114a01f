"""Starts a simulated board: ``micropython _boot.py FLASH RUN``.

FLASH is the folder that stands for the chip's filesystem, RUN contains the board's shims, its facts
and its inputs. What the program then sees is what it sees on a chip: its filesystem at ``/``, and
``machine``, ``network`` and so on as modules.
"""

import sys

sys.path[:] = []  # it begins with this folder, which has other modules of these names
import os  # noqa: E402

import vfs  # noqa: E402

flash, run = sys.argv[1:3]
vfs.umount("/")
# The stubs declare it as a block device.
vfs.mount(vfs.VfsPosix(flash), "/")  # type: ignore[abstract]
vfs.mount(vfs.VfsPosix(run), "/.sim")  # type: ignore[abstract]
os.chdir("/")
sys.argv[:] = []
sys.path[:] = ["/.sim", "", ".frozen", "/lib"]
del os, vfs, flash, run


def _run(path):
    try:
        with open(path) as file:
            source = file.read()
    except OSError:
        return
    exec(compile(source, path, "exec"), {"__name__": "__main__"})


def _widen():
    """Have the table of names grow now: see torpor_sim/names.py."""
    import gc

    for n in range(2000):
        before = gc.mem_alloc()
        hasattr(gc, "~%d" % n)  # makes a name of it
        if gc.mem_alloc() - before > 8192:
            return


import _sim  # noqa: E402  (it is found only now)

if _sim.facts["speed"] != 1:
    # asyncio takes its tasks from a built-in module that cannot be replaced by a file of its name.
    sys.modules["_asyncio"] = __import__("_tasks")
if _sim.facts.get("slots"):
    _widen()
if _sim.facts["port"] == "esp32":
    sys.modules["gc"] = __import__("_gc")  # a built-in module too
if "slots" in _sim.facts:  # now, while the heap has no holes
    __import__("_image")
    __import__("esp32").Partition  # noqa: B018
    __import__("gc").collect()
if "epoch_s" in _sim.facts["behaves"]:
    sys.modules["time"] = __import__("_epoch")
if "blocks" in _sim.facts:
    __import__("_disk_space").install()
if "blocking" in _sim.facts:
    __import__("_blocked").install()
__import__("_nested").install()
_sim.trace("boot", cause=_sim.facts["reset_cause"])
if "links" in _sim.facts:
    import _record  # before the program: it weighs what is there already
_run("/boot.py")
if "openapi" in __import__("os").listdir("/.sim"):
    import _openapi  # noqa: F401
if "links" in _sim.facts:
    _record.watch()
_run("/main.py")
