"""Jobs that run once a period."""

import asyncio

from . import clock


def start(kernel) -> None:
    """Begin the jobs of the wiring, but for services that did not start."""
    for name, method, period in kernel.cluster.SCHEDULE:
        if name not in kernel.failed:
            service = kernel.services[name]
            asyncio.create_task(every(service.log, getattr(service, method), period))


async def every(log, method, period: int) -> None:
    """Run ``async method()`` now and then once every ``period`` ms.

    A run that takes longer than the period is followed by one run, not by all that were missed. A
    run that fails is logged, and the next one comes when it is due.
    """
    while True:
        began = clock.ticks()
        try:
            await method()
        except Exception as e:
            log.exception(e, "scheduled run failed")
        # Counted from when the run began, so that its own length does not shift the next.
        await asyncio.sleep_ms(max(0, period - clock.since(began)))
