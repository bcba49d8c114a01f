"""Print how the filesystem is laid out."""

import json
import os

import vfs

stat = os.statvfs("/")
try:
    root = next(type(part[0]).__name__ for part in vfs.mount() if part[1] == "/")
except (TypeError, StopIteration):
    root = ""  # before 1.25 mount() did not list what is mounted
try:
    import esp32  # type: ignore[import-not-found, unused-ignore]

    info = [p.info() for p in esp32.Partition.find(esp32.Partition.TYPE_DATA, label="vfs")]
    partition = [info[0][2], info[0][3]] if info else None
except ImportError:
    partition = None
print(json.dumps({"block_size": stat[0], "blocks": stat[2], "kind": root, "partition": partition}))
