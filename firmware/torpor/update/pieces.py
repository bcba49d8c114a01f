"""Decompresses the bytes that a call brings.

This is not in ``receive.py``, so that its code need not be in the heap at the same time.
"""

from binascii import a2b_base64
from io import BytesIO

import deflate
from micropython import const

from .. import Fault
from ..cold import cold

_PIECE = const(1024)  # bytes in a call, before they are compressed
_WINDOW = const(10)  # bits of the window of deflate: as large as a piece


@cold
def inflated(arguments: dict) -> bytes:
    """Return the bytes of the piece ``data`` of a call. Raises ``Fault``.

    This needs most of the memory, so each form of the piece replaces the one before it in
    ``arguments``. There may be no memory for the next form: then this is called again.
    """
    data = arguments["data"]
    if isinstance(data, str):
        try:
            data = arguments["data"] = BytesIO(a2b_base64(data))
        except ValueError:
            raise Fault(400, "expected base64")
    data.seek(0)
    try:
        new = deflate.DeflateIO(data, deflate.RAW, _WINDOW).read(_PIECE + 1)
    except (OSError, EOFError):
        raise Fault(400, "data is not compressed with deflate")
    if len(new) > _PIECE:
        raise Fault(413, "data: expected at most %d bytes" % _PIECE)
    return new
