"""Breadcrumbs of boards, as ``crumb_of`` in ``firmware/torpor/log.py`` makes them."""

from __future__ import annotations

from collections.abc import Iterable
from zlib import crc32

REQUEST = 1  # the kind of work for which the linker writes the crumbs; the board has more
APPLICATION = "app"  # stands for the method of all that a mounted application serves
_NAME = 0x1FFF


def crumb_of(kind: int, service: str, method: str) -> int:
    """The number that stands for a piece of work."""
    return kind << 26 | (crc32(service.encode()) & _NAME) << 13 | crc32(method.encode()) & _NAME


def work_of(crumb: int, methods: Iterable[tuple[str, str]]) -> str:
    """Return ``service.method`` of a breadcrumb; only the service if that is all.

    Args:
        crumb: The number.
        methods: Service and method of everything that may have run.
    """
    service = ""
    for name, method in methods:
        if crumb_of(0, name, method) == crumb & 0x3FFFFFF:
            return f"{name}.{method}"
        if crumb_of(0, name, "") & ~_NAME == crumb & 0x3FFE000:
            service = name
    return service
