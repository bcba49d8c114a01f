"""A file that is written, as long as there is room for what is written."""

import io
import os

import _disk_space
from _sim import facts


class File(io.IOBase):
    def __init__(self, path, mode):
        try:
            self._size = 0 if "w" in mode else os.stat(path)[6]
        except OSError:
            self._size = 0
        self._file = _disk_space.native(path, mode)
        self._is_text = "b" not in mode
        self._appends = "a" in mode

    def write(self, data):
        if self._is_text and isinstance(data, str):
            length = len(data.encode())
        else:
            length = len(data)
        end = (self._size if self._appends else self._file.tell()) + length
        more = _disk_space.blocks(end) - _disk_space.blocks(self._size)
        if more > 0:
            self._file.flush()  # for what has been written to be counted
            if more > _disk_space.free():
                raise OSError(facts["behaves"]["disk_full"])
        written = self._file.write(data)
        self._size = max(self._size, end)
        return written

    def __getattr__(self, name):  # readlines
        return getattr(self._file, name)

    def read(self, *args):
        return self._file.read(*args)

    def readinto(self, *args):
        return self._file.readinto(*args)

    def readline(self, *args):
        return self._file.readline(*args)

    def seek(self, *args):
        return self._file.seek(*args)

    def tell(self):
        return self._file.tell()

    def flush(self):
        self._file.flush()

    def close(self):
        self._file.close()

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self._file.close()

    def __iter__(self):
        return iter(self._file)
