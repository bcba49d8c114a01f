"""The heap and the filesystem."""

from __future__ import annotations

from typing import Any

from ....project.partitions import is_known
from ..fact import AtLeast, Fact, Seen, Subject, behind_an_image, key, no_less, within_5_percent

_DRIFT = 4096  # bytes that the program itself may take between two looks at the heap


def facts() -> list[Fact]:
    """All facts about the heap and the filesystem."""
    return [*_heap(), *_filesystem()]


def _heap() -> list[Fact]:
    return [
        Fact(
            "free heap at the start",
            "memory",
            "{board}: heap_bytes",
            lambda subject: AtLeast(subject.board.heap_bytes),
            key("free"),
            no_less,
            hidden=behind_an_image,
        ),
        Fact(
            "the heap grows",
            "memory",
            "{port}: heap.split",
            lambda subject: subject.port.heap.split,
            lambda seen: "max new split" in seen["printed"],
        ),
        Fact(
            "mem_free() counts what is not heap yet",
            "memory",
            "{port}: heap.free_counts_unborn",
            lambda subject: subject.port.heap.free_counts_unborn,
            lambda seen: seen["free"] - _printed(seen, "free") > _DRIFT,
        ),
        Fact(
            "first area of the heap",
            "memory",
            "{port}: heap.first_bytes",
            lambda subject: subject.port.heap.first_bytes.get(subject.board.chip),
            lambda seen: _printed(seen, "total"),
            within_5_percent,  # the collector's tables are in it too
        ),
    ]


def _printed(seen: Seen, word: str) -> int:
    """A number of the line that ``micropython.mem_info`` prints.

    The line is like ``GC: total: 205568, used: 7264, free: 198304``.
    """
    for line in seen["printed"].splitlines():
        if line.startswith("GC:"):
            fields = (field.split(":") for field in line.removeprefix("GC:").split(","))
            return {name.strip(): int(value) for name, value in fields}[word]
    raise KeyError("GC:")


def _filesystem() -> list[Fact]:
    table = "{board}: filesystem"
    return [
        Fact("kind of filesystem", "filesystem", table, lambda _: "VfsLfs2", key("kind")),
        Fact(
            "bytes of its blocks",
            "filesystem",
            table,
            lambda subject: subject.board.filesystem.block_size,
            key("block_size"),
        ),
        Fact(
            "number of its blocks",
            "filesystem",
            table,
            _blocks,
            key("blocks"),
        ),
        Fact(
            "offset and size of its partition",
            "filesystem",
            table,
            _partition,
            key("partition"),
            _is_ours,
        ),
    ]


def _blocks(subject: Subject) -> int | None:
    """The number of blocks; an ESP32's partition, whose table it shows, has its size."""
    return None if subject.board.port == "esp32" else subject.board.filesystem.block_count


def _is_ours(expected: list[int], seen: Any) -> bool:
    """Whether the filesystem is where one of the tables for the chip has it.

    The board may have the table of the bare firmware, or that of another size of flash.
    """
    return seen == expected or (isinstance(seen, list) and is_known(*seen))


def _partition(subject: Subject) -> list[int] | None:
    if subject.board.port != "esp32":
        return None
    files = subject.board.filesystem
    return [files.offset, files.block_size * files.block_count]
