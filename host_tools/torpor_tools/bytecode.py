"""Reads the bytecode files of MicroPython."""

from __future__ import annotations


def names_of(bytecode: bytes) -> set[str]:
    """Return the names that a ``.mpy`` file brings, without those that every MicroPython has.

    The format is that of ``py/persistentcode.c`` (``mp_raw_code_load``): four bytes, the numbers of
    names and of objects, and the names, each with its length or its place among the known ones.
    """
    names: set[str] = set()
    if not bytecode:
        return names
    at = 4
    count, at = _number(bytecode, at)
    _, at = _number(bytecode, at)
    for _ in range(count):
        size, at = _number(bytecode, at)
        if size & 1:
            continue
        end = at + (size >> 1)
        names.add(bytecode[at:end].decode())
        at = end + 1  # a NUL follows
    return names


def _number(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, seven bits a byte with the highest first, and where it ends."""
    value = 0
    while True:
        byte = data[at]
        at += 1
        value = value << 7 | byte & 0x7F
        if not byte & 0x80:
            return value, at
