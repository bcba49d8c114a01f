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


# Characters that a reader does not see, but that change what he sees: U+061C, U+200E, U+200F, the
# line separators and embeddings U+2028 to U+202E, the isolates U+2066 to U+2069, and surrogates.
# (Unicode Standard Annex 9, 2; https://trojansource.codes). Lead bytes, least and most last byte.
_HIDDEN = (
    (b"\xd8", 0x9C, 0x9C),
    (b"\xe2\x80", 0x8E, 0x8F),
    (b"\xe2\x80", 0xA8, 0xAE),
    (b"\xe2\x81", 0xA6, 0xA9),
)


def _plain(data: bytes) -> bytes:
    """UTF-8 text with its control characters escaped, also those that turn its direction."""
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
    data = b"".join(parts)
    for lead, least, most in _HIDDEN:
        if lead in data:
            for last in range(least, most + 1):
                hidden = lead + bytes((last,))
                if hidden in data:
                    data = data.replace(hidden, b"\\u%04x" % ord(str(hidden, "utf-8")))
    if b"\xed" in data:
        for letter in str(data, "utf-8"):
            if 0xD800 <= ord(letter) < 0xE000:
                data = data.replace(letter.encode(), b"\\u%04x" % ord(letter))
    return data
