"""Stands in for ``gc`` of a chip whose heap grows: free memory counts what it could still grow by.

py/modgc.c of MicroPython 1.27 adds the largest block that ESP-IDF could give. Here the heap has
all the areas of ``heap_bytes`` from the start, and the block is what is left besides them.
"""

from gc import *  # noqa: F403
from gc import mem_free as _born

from esp32 import HEAP_DATA, idf_heap_info


def mem_free():  # type: ignore[no-redef]
    return _born() + max(region[2] for region in idf_heap_info(HEAP_DATA))
