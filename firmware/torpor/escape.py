"""Log lines that hold control characters, or a traceback. Loaded when there is one."""

from . import cold

cold.until_collected(__name__)


def line(data: bytes, trace: str) -> bytes:
    """Return a line of the log with its control characters escaped, and ``trace`` below it.

    The lines of a traceback's frames stay lines. The message behind them comes from the service.
    """
    data = _plain(data)
    if not trace:
        return data
    at = trace.find("\n") if trace.startswith("Traceback") else -1
    while trace.startswith('\n  File "', at):
        at = trace.find("\n", at + 1)
    if at > 0:
        data += b"\n    " + trace[:at].replace("\n", "\n    ").encode()
    return data + b"\n    " + _plain(trace[at + 1 :].encode())


def _plain(data: bytes) -> bytes:
    """UTF-8 text with its control characters escaped, those from U+0080 to U+009F too."""
    parts = []
    start = 0
    for i in range(len(data)):
        c = data[i]
        if c >= 32 and c != 127 and (c > 159 or c < 128 or data[i - 1] != 0xC2):
            continue
        parts.append(data[start : i - 1 if c > 127 else i])
        parts.append(b"\\n" if c == 10 else b"\\x%02x" % c)
        start = i + 1
    parts.append(data[start:])
    return b"".join(parts)
