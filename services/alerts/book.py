"""The alerts of all fridges: all of them in flash, the open ones in RAM too."""

from typing import Any

from .records import Alert

_WORSE_S = 60  # a worsening alert is written at most once in this time


class Book:
    """The alerts, ready to be sent.

    An alert is *open* until it is both over and acknowledged: somebody still has to deal with a
    fridge that was too warm at night.
    """

    def __init__(self, store, capacity: int) -> None:
        self._table = store.table("alerts", keep=capacity)
        self._capacity = capacity
        self._open: list[Alert] = []  # oldest first
        self._written = 0  # when an alert was last written because it got worse
        self.revision = 0  # counts changes

    async def load(self) -> None:
        """Load the alerts that the last run left open."""
        async for id, alert in self._table.scan():
            alert["id"] = id
            if is_open(alert):
                self._open.append(alert)
        del self._open[: -self._capacity]

    async def begin(self, fridge: str, kind: str, celsius: float | None, now: int) -> Alert:
        """Enter a new alert and return it."""
        alert: Any = {
            "fridge": fridge,
            "kind": kind,
            "celsius": celsius,
            "since": now,
            "until": None,
            "acknowledged_by": None,
        }
        alert["id"] = await self._table.append(alert)
        self._open.append(alert)
        if len(self._open) > self._capacity:
            self._open.pop(0)
        self.revision += 1
        return alert

    async def worsen(self, alert: Alert, celsius: float, now: int) -> None:
        """Note a temperature that is worse than all earlier ones."""
        alert["celsius"] = celsius
        self.revision += 1
        if now - self._written >= _WORSE_S:
            self._written = now
            await self._write(alert)

    async def end(self, alert: Alert, now: int) -> None:
        """End an alert: the fridge is back in its range, or has another problem."""
        alert["until"] = now
        await self._changed(alert)

    async def acknowledge(self, id: int, by: str) -> Alert | None:
        """Record who acknowledged the alert first. Returns None if there is no such alert."""
        for alert in self._open:
            if alert["id"] == id:
                if alert["acknowledged_by"] is None:
                    alert["acknowledged_by"] = by
                    await self._changed(alert)
                return alert
        found = await self._table.get(id)
        if found:
            found["id"] = id
        return found

    def open(self) -> list[Alert]:
        """The open alerts, newest first."""
        return self._open[::-1]

    def last(self, fridge: str) -> Alert | None:
        """The alert of a fridge that is not over, if there is one."""
        for alert in self._open:
            if alert["fridge"] == fridge and alert["until"] is None:
                return alert
        return None

    async def of(self, fridge: str, limit: int) -> list[Alert]:
        """The last ``limit`` alerts of a fridge, open or not, newest first."""
        held = {alert["id"]: alert for alert in self._open}
        found = []
        async for id, alert in self._table.where("fridge", fridge, limit, True):
            alert["id"] = id
            found.append(held.get(id, alert))
        return found

    async def _changed(self, alert: Alert) -> None:
        self.revision += 1
        if not is_open(alert):
            self._open.remove(alert)
        await self._write(alert)

    async def _write(self, alert: Alert) -> None:
        row: dict = dict(alert)
        await self._table.put(row.pop("id"), row)


def is_open(alert: Alert) -> bool:
    """Whether somebody still has to look at it or do something about it."""
    return alert["until"] is None or alert["acknowledged_by"] is None
