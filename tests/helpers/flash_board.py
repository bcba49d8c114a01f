"""Runs in MicroPython: a board with the filesystem of a chip in a file, whose power can fail.

``flash_board.py FLASH BLOCKS CUT MODE``: FLASH is the file, CUT the number of writes and erasures
after which the power fails (0: never). MODE ``repl`` runs boot.py and main.py and then starts
MicroPython's own REPL. ``raw`` skips main.py, as a chip does after Ctrl-D in the raw REPL. ``pipe``
reads one quoted program per line and answers with one line, ``[output, error]``: a REPL without
pauses.
"""

import io
import json
import os
import sys

import vfs

BLOCK = 4096
path, blocks, cut, mode = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
with open("/proc/self/stat") as stat:
    pid = stat.read().split(" ")[0]


class Flash:
    """NOR flash in a file, without any buffer, so that a kill leaves what a power cut leaves."""

    def __init__(self):
        self.file = open(path, "r+b", buffering=0)
        self.left = cut

    def _spend(self):
        if self.left:
            self.left -= 1
            if not self.left:
                os.system("kill -9 " + pid)

    def readblocks(self, n, buffer, offset=0):
        self.file.seek(n * BLOCK + offset)
        self.file.readinto(buffer)

    def writeblocks(self, n, buffer, offset=0):
        if cut and self.left == 1:  # the last write before the cut is torn
            buffer = memoryview(buffer)[: len(buffer) // 2]
        self.file.seek(n * BLOCK + offset)
        self.file.write(buffer)
        self._spend()

    def ioctl(self, op, arg):
        if op == 4:
            return blocks
        if op == 5:
            return BLOCK
        if op == 6:
            self.file.seek(arg * BLOCK)
            self.file.write(b"\xff" * BLOCK)
            self._spend()
        return 0


class Registers(dict):
    """The chip's registers; one that was never written holds 0."""

    def __getitem__(self, address):
        return self.get(address, 0)


class Watchdog:
    def __init__(self, timeout):
        pass

    def feed(self):
        pass


class Machine:
    WDT = Watchdog

    def reset(self):
        os.system("kill -USR1 " + pid)  # requests a restart, like a reset that code cannot catch

    def bootloader(self):
        os.system("kill -USR2 " + pid)

    # After power-on; see firmware/ports/rp2.py.
    PWRON_RESET = 1
    WDT_RESET = 3

    def __init__(self):
        self.mem32 = Registers()

    def reset_cause(self):
        return self.PWRON_RESET


class Implementation:
    _mpy = 6
    _machine = "Raspberry Pi Pico W with RP2040"


flash = Flash()
vfs.umount("/")
vfs.mount(vfs.VfsLfs2(flash, progsize=256, readsize=32), "/")
os.chdir("/")
sys.path[:] = ["", "/", ".frozen"]
sys.modules["machine"] = Machine()


class Sys:
    """``sys`` as on the chip."""

    platform = "rp2"
    maxsize = sys.maxsize
    implementation = Implementation
    stdout = sys.stdout
    modules = sys.modules
    path = sys.path
    print_exception = sys.print_exception


def start():
    for name in ("boot.py",) if mode == "raw" else ("boot.py", "main.py"):
        try:
            source = open(name).read()
        except OSError:
            continue
        exec(source, {"__name__": "__main__"})


def pipe():
    real = sys.stdin
    names = {}
    while True:
        line = real.readline()
        if not line:
            return
        out = io.StringIO()

        def write(*args, end="\n", sep=" "):
            out.write(sep.join(str(arg) for arg in args) + end)

        names["print"] = write
        error = ""
        Sys.stdout = out
        sys.modules["sys"] = Sys
        try:
            exec(json.loads(line), names)
        except Exception as e:
            trace = io.StringIO()
            sys.print_exception(e, trace)
            error = trace.getvalue()
        real_out.write(json.dumps([out.getvalue(), error]) + "\n")


real_out = sys.stdout
if mode == "pipe":
    pipe()
else:
    sys.modules["sys"] = Sys
    start()
