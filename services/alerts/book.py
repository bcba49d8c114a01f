"""The alerts of all fridges, in a list that does not grow beyond what it was given."""


class Book:
    """Alerts are dicts, ready to be sent: id, fridge, kind, celsius (the worst so far, None if the
    probe gave nothing), since and until (seconds; None while it lasts), acknowledged_by (None
    until somebody has seen it).

    An alert is *open* until it is both over and acknowledged: a fridge that was too warm in the
    night is still a matter for the morning.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._alerts: list[dict] = []  # oldest first
        self._next_id = 1
        self.revision = 0  # counts changes

    def begin(self, fridge: str, kind: str, celsius: float | None, now: int) -> dict:
        """Enter a new alert and return it."""
        alert = {
            "id": self._next_id,
            "fridge": fridge,
            "kind": kind,
            "celsius": celsius,
            "since": now,
            "until": None,
            "acknowledged_by": None,
        }
        self._next_id += 1
        self._alerts.append(alert)
        if len(self._alerts) > self._capacity:
            self._alerts.remove(self._least_needed())
        self.revision += 1
        return alert

    def worsen(self, alert: dict, celsius: float) -> None:
        """Note a temperature that is worse than the ones before."""
        alert["celsius"] = celsius
        self.revision += 1

    def end(self, alert: dict, now: int) -> None:
        """The fridge is back in its range, or in trouble of another kind."""
        alert["until"] = now
        self.revision += 1

    def acknowledge(self, id: int, by: str) -> dict | None:
        """Note who has seen the alert; whoever was first stays. None if there is no such alert."""
        for alert in self._alerts:
            if alert["id"] == id:
                if alert["acknowledged_by"] is None:
                    alert["acknowledged_by"] = by
                    self.revision += 1
                return alert
        return None

    def open(self) -> list[dict]:
        """The open alerts, newest first."""
        return [alert for alert in reversed(self._alerts) if is_open(alert)]

    def of(self, fridge: str, limit: int) -> list[dict]:
        """The last ``limit`` alerts of a fridge, open or not, newest first."""
        found = []
        for alert in reversed(self._alerts):
            if len(found) >= limit:
                break
            if alert["fridge"] == fridge:
                found.append(alert)
        return found

    def _least_needed(self) -> dict:
        for alert in self._alerts:
            if not is_open(alert):
                return alert
        return self._alerts[0]


def is_open(alert: dict) -> bool:
    """Whether somebody still has to look at it or do something about it."""
    return alert["until"] is None or alert["acknowledged_by"] is None
