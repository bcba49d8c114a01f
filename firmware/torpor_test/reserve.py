"""A block of the heap for the response to a request.

On a chip the heap has free memory in the middle of a test, but hardly a piece as large as a page.
So a piece is kept from the start on, and given up when a response is joined.
"""

_SIZE = 9 * 1024  # bytes: a response of 8 kB with its head
_block = None


def keep() -> None:
    """Allocate the block, unless there is one or no room for it."""
    global _block
    if _block is None:
        try:
            _block = bytearray(_SIZE)
        except MemoryError:
            pass  # a response may still fit


def release() -> None:
    """Release the block, so that the next allocation of its size finds room."""
    global _block
    _block = None
