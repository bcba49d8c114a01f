"""What the store costs the flash, estimated: a chip's LittleFS does not tell how often it erases.

Measured on LittleFS with blocks of 4 kB (``make bench F=store_erases_per_commit``): 0.9 erases a
commit of 52 bytes, folding included. So one a flush and two a fold, every 2 kB, is a little more
than what happens where rows are appended; rows put all over a large table cost up to four a row.
"""

from micropython import const

_ENDURANCE = const(100000)  # erases a block: W25Q16JV datasheet (Pico W), "more than 100,000"


def erases(store) -> int:
    """Blocks erased since the start, about."""
    return store.flushes + store.written // 1024


def report(store, seconds: int, blocks: int) -> dict:
    """Commits, flushes, bytes and erases since the start, and what follows for the flash's life.

    ``seconds`` is how long the store was in use, ``blocks`` how many the filesystem has: LittleFS
    wears all that are free alike.
    """
    worn = erases(store)
    years = None
    if worn and seconds:
        years = _ENDURANCE * blocks // worn * seconds // 31536000
    return {
        "commits": store.commits,
        "flushes": store.flushes,
        "bytes": store.written,
        "erases": worn,
        "lost": store.lost,
        "years": years,
    }
