"""Fills the sample's readings with a year that ends now: ``year.py FIRMWARE MODULES FOLDER``."""

import sys

firmware, modules, folder = sys.argv[1:4]
sys.path[:] = [firmware, modules, ".frozen"]

import asyncio  # noqa: E402
import math  # noqa: E402

from torpor import clock  # noqa: E402
from torpor.store import migrate  # noqa: E402

NAMES = ("0001_minutes", "0002_hundredths", "0003_hours")
NOW = clock.now() // 60 * 60


def mean(time, fridge):
    """Return hundredths of a degree: a daily wave, warm summers, a fridge that failed in May."""
    day = math.cos(2 * math.pi * (time % 86400) / 86400)
    year = math.cos(2 * math.pi * (time % 31557600) / 31557600)
    failed = 600 if fridge == 1 and 140 < time % 31557600 / 86400 < 145 else 0
    return int(480 - 90 * day - 60 * year + 40 * fridge + failed + 25 * math.sin(time / 2111))


async def fill(table, width, rows, spread):
    for n in range(rows, 0, -1):
        time = NOW // width * width - n * width
        row = {}
        for fridge in (1, 2, 3):
            value = mean(time, fridge)
            row["fridge-%d" % fridge] = [value - spread, value, value + spread] if spread else value
        await table.append(row, time)


async def main():
    store = migrate.opened("readings", NAMES, None, folder)
    await fill(store.table("days", commit="wake"), 86400, 390, 95)
    await fill(store.table("hours", commit="wake"), 3600, 90 * 24, 20)
    await fill(store.table("minutes", commit="wake"), 60, 3 * 1440, 0)
    store.flush()


asyncio.run(main())
