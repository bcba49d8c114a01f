"""Watches an image on trial: it is kept if it stays healthy, otherwise the board goes back.

main.py starts this before anything else, so that it also notices a start that never ends.
``slots.py`` explains the files. The image has twice ``confirm`` seconds to start, to join, and to
recover from short failures. It is confirmed when these are true for ``confirm`` seconds in a row:

- all services have started (except those that had not started in the previous image either),
- the Wi-Fi is joined, and the broker of the mailbox is reached, if there are any,
- every service with a health check passes it; all of them together have 5 s.
"""

import asyncio
import json
import os

from micropython import const

from .. import clock, kernel, log, port, wifi
from ..cold import cold

_LOOK_MS = const(1000)
_CHECK_MS = const(5000)  # for all health checks together, so that ``slots.guard`` can be late
_SLOTS = const(0)  # 1 in an image for a board with two slots for firmware: see link/flags.py


@cold
def begin() -> None:
    """Watch the trial from now on."""
    asyncio.create_task(_watch())


@cold
async def _watch() -> None:
    from .. import loop

    try:
        with open("/.trial") as file:
            trial = json.load(file)
    except (OSError, ValueError):
        trial = {}  # the usual confirmation time
    confirm_ms = trial.get("confirm", 60) * 1000
    began = clock.ticks()
    healthy_since = None
    async with loop.Hold():
        while True:
            reason = await _reason(trial.get("down", ()))
            if reason:
                healthy_since = None
                if clock.since(began) > 2 * confirm_ms:
                    break
            elif healthy_since is None:
                healthy_since = clock.ticks()
            elif clock.since(healthy_since) >= confirm_ms:
                if _SLOTS and "slot" in trial:
                    import slots

                    slots.keep(trial)
                os.remove("/.trial")
                log.Log("update").info("%s is confirmed", trial.get("build"))
                if ".dropped" in os.listdir("/"):  # the board can no longer go back
                    import slots

                    slots.remove("/.dropped")
                return
            await asyncio.sleep_ms(_LOOK_MS)
    import slots

    log.Log("update").error("going back: %s", reason)
    kernel.current.save()
    slots.failed(reason)


@cold
async def _reason(down) -> str:
    """Return why the image is not healthy; empty if it is."""
    import slots

    current = kernel.current
    if not current or "update" not in current.tools:
        return "its services have not all started"
    for name in current.failed:
        if name not in down:
            return "%s failed to start: %s" % (name, current.failed[name])
    if not wifi.joined:
        return "the Wi-Fi was not joined"
    try:
        from .. import power

        for source in power.sources:
            if getattr(source, "_state", 1) == 0:  # OFFLINE of mqtt/mailbox.py
                return "the broker of the mailbox was not reached"
    except ImportError:
        pass  # a board without a mailbox
    began = clock.ticks()
    for name, method in getattr(current.cluster, "HEALTH", ()):
        if name not in current.failed:
            try:
                service = current.services[name]
                crumb = slots.breadcrumb()
                port.crumb(log.crumb_of(2, name, method))
                left = max(0, _CHECK_MS - clock.since(began))
                reply = await asyncio.wait_for_ms(getattr(service, method)(), left)
                port.crumb(crumb)  # so that each look does not hide what began before it
                if reply is False:
                    return "%s.%s: False" % (name, method)
            except asyncio.TimeoutError:
                return "%s.%s did not answer within %d s (all checks together)" % (
                    name,
                    method,
                    _CHECK_MS // 1000,
                )
            except Exception as e:
                return "%s.%s: %s: %s" % (name, method, type(e).__name__, e)
    return ""
