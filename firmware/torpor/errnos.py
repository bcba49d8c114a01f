"""Numbers of errors that MicroPython's ``errno`` does not name.

They are the same on every port: ``[errno]`` of ``boards/ports/*.toml`` has the sources.
"""

from micropython import const

ENFILE = const(23)
ENOSPC = const(28)
