"""The archive with a year of minutes for two fridges, by a simulated clock."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.crash.compiled import MICROPYTHON, compiled

ROOT = Path(__file__).parents[2]

DEVICE = ROOT / "tests" / "crash" / "device"

PROGRAM = """
import sys

firmware, root, device, days = sys.argv[1:5]
sys.path[:] = [firmware, root, device, ".frozen"]
import asyncio, gc, json, math, os, vfs
from flash import Flash, mounted
from torpor.store import migrate
from services.readings.archive import Archive
from services.readings.buckets import Buckets

DAYS = int(days)
START = 1_735_689_600  # 2025-01-01
vfs.mount(mounted(Flash(180)), "/f")  # the sample's image leaves these of a Pico W's 212 blocks
NAMES = ("0001_minutes", "0002_hundredths", "0003_hours")


def celsius(minute):
    # 3 degrees at midnight, 7 at noon.
    return int(500 - 200 * math.cos(2 * math.pi * (minute % 1440) / 1440))


def opened():
    return migrate.opened("readings", NAMES, None, "/f/data")


def counted(store):
    return {name: table.leaves for name, table in store.tables.items()}


async def chart(archive, minutes, points=120):
    now = START + 86400 * DAYS
    gc.collect()
    found = Buckets(now - 60 * minutes, now, points)
    since = await archive.add_to(found, "fridge-1", now - 60 * minutes, now)
    return found.rows(), since


async def main():
    store = opened()
    archive = Archive(store)
    for minute in range(1440 * DAYS):
        value = celsius(minute)
        await archive.add(START + 60 * minute + 5, {"fridge-1": value, "fridge-2": value + 50})
        if minute == 700:
            await archive.add(START, {"fridge-1": 0})  # the clock is set back, and forward again
    kept = store
    store = opened()
    archive = Archive(store)
    charts = {}
    for span, minutes in (("day", 1440), ("week", 10080), ("month", 43200), ("year", 525600)):
        rows, since = await chart(archive, minutes)
        charts[span] = rows
        assert START + 86400 * DAYS - since < 120, since
    counts = {}
    for name in ("minutes", "hours", "days"):
        counts[name] = await store.table(name).count()
    print(json.dumps({"charts": charts, "counts": counts, "free": os.statvfs("/f")[3]}))


asyncio.run(main())
"""


def run(tmp_path: Path, days: int) -> dict[str, dict[str, list[list[float]]]]:
    (tmp_path / "program.py").write_text(PROGRAM)
    # Not its __init__.py, which runs on a chip only after the build has changed it.
    here = tmp_path / "services" / "readings"
    shutil.copytree(ROOT / "services" / "readings" / "migrations", here / "migrations")
    for name in ("archive.py", "buckets.py"):
        shutil.copy(ROOT / "services" / "readings" / name, here)
    words = [compiled(tmp_path / "firmware"), tmp_path, DEVICE, days]
    done = subprocess.run(
        [MICROPYTHON, "-X", "heapsize=3m", str(tmp_path / "program.py"), *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, dict[str, list[list[float]]]] = json.loads(done.stdout.splitlines()[-1])
    return found


def check_charts(charts: dict[str, list[list[float]]], days: int) -> None:
    for rows in charts.values():
        assert 0 < len(rows) <= 120
        assert [row[0] for row in rows] == sorted({row[0] for row in rows})
        assert all(low <= mean <= high for _, low, mean, high in rows)
    assert len(charts["day"]) > 100
    assert min(row[1] for row in charts["day"]) == 3
    assert max(row[3] for row in charts["day"]) == 7
    assert all(
        row[1:] == [3, 4.99, 7] or row[2] == pytest.approx(5, abs=0.1)
        for row in charts["year"][1:-1]
    )
    first, last = charts["year"][0][0], charts["year"][-1][0]
    assert last - first > (min(days, 365) - 8) * 86400


def test_a_week(tmp_path: Path) -> None:
    found = run(tmp_path, 7)
    check_charts(found["charts"], 7)


@pytest.mark.soak
def test_a_year_is_pruned_and_drawn(tmp_path: Path) -> None:
    found = run(tmp_path, 365)
    check_charts(found["charts"], 365)
    counts = found["counts"]
    assert 3 * 1440 <= counts["minutes"] < 3 * 1440 + 600  # type: ignore[operator]
    assert 90 * 24 <= counts["hours"] < 90 * 24 + 400  # type: ignore[operator]
    assert counts["days"] >= 363  # type: ignore[operator]
    print(f"a year: {counts}, {found['free']} blocks of 180 free")
