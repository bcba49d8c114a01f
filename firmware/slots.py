"""The change to an update, its trial, and the way back: all of it, whenever the power fails.

boot.py imports this in an image that takes updates, when there is ``/.new`` or ``/.trial``.
``torpor/update/receive.py`` prepares a change: in ``/.new`` the new files and the list
``/.new/update``, which one rename makes valid; in ``/.old`` the list of the way back. A line of the
first list is ``<new> <old> <path>``: the file ``/.new/<new>`` takes that path, and what was there
becomes ``/.old/<old>``, unless it has been copied there. ``-`` stands for no file.

While ``/.trial`` exists the new image is on trial: ``torpor/update/trial.py`` removes the file when
it has confirmed the image. A start that finds an unconfirmed image goes back, unless only the power
was off: then the image gets another try. Going back makes ``/.old`` to ``/.new``, which
``swap.finish`` carries out. ``/.failed`` holds the reason for the next tool that asks, and, after a
reset by the watchdog, the breadcrumb, of which ``torpor/update`` makes a record of a crash.

``torpor rollback --data-loss`` also drops the data of services. Their names are in ``/.new/drop``;
their folders are moved to ``/.dropped`` until the trial ends. The older image on trial need not
know that: the way back leaves the same names in ``/.restore``, and this image, which runs again
then, moves the folders back.

It must import nothing of torpor, whose files are being changed, and both images must be able to
finish what the other has begun: so the format of these files stays as it is.
"""

import json
import os

from micropython import const

import swap

_SLOTS = const(0)  # 1 in an image for a board with two slots for firmware: see link/flags.py
_PICO = const(0)  # 1 in an image for a Pico
_STARTS = 3  # of an image on trial, if each was ended by a power cut
_HUNG = "it was reset by the watchdog before it was confirmed"


def begin(root: str = "/") -> None:
    """Carry on with a change, a trial or a way back. May reset the chip."""
    if ".new" in os.listdir(root):
        if _change(root):
            _reset()
        _rename(root + ".new/back", root + ".new/commit")
        if swap.finish(root):
            if _rename(root + ".trial", root + ".failed"):
                _reset()
    if ".trial" in os.listdir(root):
        _count_start(root)
    if ".restore" in os.listdir(root):
        _restore(root)


def failed(reason: str, root: str = "/") -> None:
    """Go back, if the image is on trial: this resets the chip. Otherwise return."""
    if ".trial" in os.listdir(root):
        _note(root, _read(root), reason)
        _reset()


def guard(root: str = "/") -> None:
    """Go back if the image blocks the event loop and no watchdog resets the chip.

    The timer leaves ``torpor/update/trial.py`` the time for its own decision: up to three times the
    confirmation time, and health checks that take their 5 s.
    """
    import sys

    import machine

    timer = machine.Timer(3 if sys.platform == "esp32" else -1)
    period = 3000 * _read(root).get("confirm", 60) + 15000
    timer.init(mode=machine.Timer.ONE_SHOT, period=period, callback=_late)


def _late(timer) -> None:
    failed("it blocked the event loop")  # returns if the image is confirmed


def _change(root: str) -> bool:
    """Carry out ``/.new/update``, if it is there. Return whether it was."""
    staged, kept = root + ".new/", root + ".old/"
    try:
        plan = open(staged + "update", "r+")  # not "r": see swap.py
    except OSError:
        return False
    with plan:
        _set_aside(root)
        for line in plan:
            new, old, path = line.rstrip("\n").split(" ", 2)
            if old != "-" and not _exists(kept + old):
                os.rename(root + path, kept + old)
            if new == "-":
                swap._remove(root, path)
            else:
                swap._move(staged + new, root, path)
    _rename(staged + "trial", root + ".trial")
    for name in os.listdir(root + ".new"):
        if name != "update":
            os.remove(staged + name)
    os.remove(staged + "update")
    os.rmdir(root + ".new")
    return True


def _set_aside(root: str) -> None:
    """Move the data that the update drops.

    This comes before the first file of the image is exchanged, so an older ``slots.py`` that
    continues after a power cut finds it done.
    """
    for name in _names(root + ".new/drop"):
        if not _exists(root + ".dropped/" + name):
            _rename(root + "data/" + name, root + ".dropped/" + name)


def _restore(root: str) -> None:
    """Move the data back, after the update that dropped it was not kept."""
    for name in _names(root + ".restore"):
        if _exists(root + ".dropped/" + name):
            remove(root + "data/" + name)  # what the image on trial has written
            swap._move(root + ".dropped/" + name, root, "data/" + name)
    remove(root + ".restore")
    remove(root + ".dropped")


def _names(path: str) -> list:
    try:
        with open(path, "r+") as file:  # not "r": see swap.py
            return file.read().split()
    except OSError:
        return []


def remove(path: str) -> None:
    """Remove a file, or a folder with everything in it. There may be none."""
    try:
        for name in os.listdir(path):
            remove(path + "/" + name)
        os.rmdir(path)
    except OSError:  # it is a file
        try:
            os.remove(path)
        except OSError:
            pass


def _count_start(root: str) -> None:
    """Give the image on trial this start, or go back."""
    import machine

    trial = _read(root)
    if _SLOTS and "slot" in trial:
        _start_firmware(root, trial)
        return
    starts = trial.get("starts", 0)
    reason = trial.get("reason")
    if not reason and starts and machine.reset_cause() != machine.PWRON_RESET:
        reason = _how_reset()
        if reason == _HUNG:
            trial["crumb"] = breadcrumb()
    if not reason and starts >= _STARTS:
        reason = "it was not confirmed in %d starts" % starts
    if reason:
        _note(root, trial, reason)
        _go_back(root)
    else:
        trial["starts"] = starts + 1
        _write(root, trial)


def _how_reset() -> str:
    """Return the reason for the way back after a reset. The way back resets the chip once more."""
    import machine

    hung = machine.reset_cause() == machine.WDT_RESET
    if _PICO:  # which has no other cause for any reset
        hung = machine.mem32[_reason()] & 1
    return _HUNG if hung else "it was reset before it was confirmed"


def breadcrumb() -> int:
    """Return the breadcrumb of what began last (``torpor.port.crumb``), or 0 if there is none."""
    number = 0
    if _PICO:
        import machine

        number = machine.mem32[_reason() + 12] & 0x3FFFFFFF
    return number


if _PICO:

    def _reason() -> int:
        """Return the address of the watchdog's REASON: see ``firmware/ports/rp2.py``."""
        import sys

        return 0x400D8008 if "RP2350" in sys.implementation._machine else 0x40058008


if _SLOTS:

    def _start_firmware(root: str, trial: dict) -> None:
        """Give the firmware on trial its start, or note that the boot loader has gone back.

        ESP-IDF's boot loader does that at any reset before the firmware was confirmed, power cuts
        included.
        """
        import machine
        from esp32 import Partition  # type: ignore[import-not-found, unused-ignore]

        running = Partition(Partition.RUNNING)  # type: ignore[arg-type, unused-ignore]
        if running.info()[4] != trial["slot"]:
            if machine.reset_cause() == machine.PWRON_RESET:
                reason = "the power failed before it was confirmed"
            elif "starts" in trial:
                reason = _how_reset()
            else:
                reason = "it did not start"
            _note(root, trial, reason)
            _rename(root + ".trial", root + ".failed")
        elif "kept" in trial:
            Partition.mark_app_valid_cancel_rollback()
            os.remove(root + ".trial")
        elif "starts" in trial:  # a boot loader that does not go back
            _note(root, trial, _how_reset())
            Partition(trial["from"]).set_boot()
            _reset()
        else:
            trial["starts"] = 1
            _write(root, trial)

    def keep(trial: dict, root: str = "/") -> None:
        """Keep the firmware on trial. After a power cut in between, the next start does it."""
        from esp32 import Partition  # type: ignore[import-not-found, unused-ignore]

        trial["kept"] = 1
        _write(root, trial)
        Partition.mark_app_valid_cancel_rollback()


def _go_back(root: str) -> None:
    if _exists(root + ".old/back"):
        if ".new" in os.listdir(root):
            for name in os.listdir(root + ".new"):
                os.remove(root + ".new/" + name)
            os.rmdir(root + ".new")
        os.rename(root + ".old", root + ".new")
        begin(root)
    _rename(root + ".trial", root + ".failed")  # there is no way back


def _note(root: str, trial: dict, reason: str) -> None:
    if "reason" not in trial:
        trial["reason"] = reason
        _write(root, trial)


def _read(root: str) -> dict:
    try:
        with open(root + ".trial") as file:
            return json.load(file)
    except (OSError, ValueError):
        return {}


def _write(root: str, trial: dict) -> None:
    with open(root + ".trial~", "w") as file:
        json.dump(trial, file)
    os.rename(root + ".trial~", root + ".trial")


def _exists(path: str) -> bool:
    try:
        os.stat(path)
    except OSError:
        return False
    return True


def _rename(old: str, new: str) -> bool:
    """Rename a file that may be missing. Return whether it was there."""
    try:
        os.rename(old, new)
    except OSError:
        return False
    return True


def _reset() -> None:
    import machine

    machine.reset()
