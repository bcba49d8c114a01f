"""Small values that survive a sleep: in RTC memory if the chip has it, else in flash.

All states together are one record. ``keep`` writes it where it costs least, before the board
sleeps; ``commit`` writes it to flash as well, where it survives a power cut.
"""

import os
import sys
from json import dumps, loads

from .. import kernel, log, port
from . import segment

_FOLDER = "/data"
_FILE = "/data/state"
_log = log.Log("state")
_states: dict = {}  # name -> State
_saved: dict = {}  # name -> what was kept last
_in_flash: bytes | None = None


class State(dict):
    """A dict of JSON values that survives a sleep and a reset.

    Values set since the last sleep or ``commit`` are lost in a power cut.
    """

    most: int  # bytes of JSON

    def commit(self) -> None:
        """Write it to flash now.

        Raises ``ValueError`` if it has more than its share of bytes, or a value that would not come
        back unchanged.
        """
        _gather(self)
        _write(_record())


def _record() -> bytes:
    return segment.pack([dumps(_saved, separators=(",", ":")).encode()])


def of(name: str, most: int = 256) -> State:
    """Return the state kept under ``name``, of at most ``most`` bytes of JSON; empty at first."""
    if not _states:
        _load()
        if kernel.current:
            kernel.current.savers.append(keep)
    if name not in _states:
        state = _states[name] = State(_saved.get(name, {}))
        state.most = most
    return _states[name]


def keep() -> None:
    """Keep all states over a sleep; see ``_gather``."""
    _gather()
    record = _record()
    if len(record) <= port.RTC_BYTES:
        port.rtc_write(record)
    else:
        _write(record)


def _gather(strict: "State | None" = None) -> None:
    """Copy all states.

    One that cannot be kept stays as it was. If it is ``strict``, ``ValueError`` is raised; else the
    log has a line.
    """
    from .plain import packed

    for name, state in _states.items():
        values = {key: state[key] for key in state}
        text = packed(values, state.most)
        if text is not None:
            _saved[name] = loads(text)
            continue
        from .refusal import reason

        why = "%s: %s" % (name, reason(values, state.most, "state")[1])
        if state is strict:
            raise ValueError(why)
        _log.error("%s; what was kept before stays", why)


def _write(record: bytes) -> None:
    global _in_flash
    if port.RTC_BYTES >= len(record):
        port.rtc_write(record)
    if record == _in_flash:
        return
    try:
        os.mkdir(_FOLDER)
    except OSError:
        pass  # it exists
    try:
        _put(record)
    except OSError as e:
        if e.errno != segment.ENOSPC:
            raise
        _spend()
        _put(record)
    os.rename(_FILE + "~", _FILE)
    _in_flash = record


def _spend() -> None:
    """Remove the reserve of the databases, if there is one: see ``reserve``."""
    os.remove(_FOLDER + "/.reserve")
    database = sys.modules.get("torpor.store.database")
    if database:
        database.Store.tight = True


def _put(record: bytes) -> None:
    with open(_FILE + "~", "wb") as file:
        file.write(record)
        file.flush()


def _load() -> None:
    global _in_flash
    kept = b""
    if port.RTC_BYTES:
        from io import BytesIO

        data = port.rtc_read()
        kept = _whole(BytesIO(data), len(data))
    try:
        with open(_FILE, "rb") as file:
            stored = _whole(file, os.stat(_FILE)[6])
    except OSError:
        stored = b""
    if stored:
        _in_flash = segment.pack([stored])
    if kept or stored:
        _saved.update(loads(kept or stored))


def _whole(file, size: int) -> bytes:
    # Read before a sleep, when the heap may be full of holes: no larger piece than needed.
    found = segment.read(file, 0, min(size, segment.MOST))
    return segment.values(found[0])[0] if found else b""
