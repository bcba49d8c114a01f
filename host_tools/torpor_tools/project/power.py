"""``[boards.<name>.power]`` of ``cluster.toml``."""

from __future__ import annotations

import re
from typing import Any

from ..model.cluster import Power
from ..suggest import did_you_mean, listing
from .document import Document

POLICIES = ("on", "idle", "doze", "deep")
_FIELDS = {  # key -> the policies that it is for
    "policy": POLICIES,
    "linger_ms": ("doze", "deep"),
    "wake_every": ("deep",),
    "wifi_deadline_ms": ("deep",),
}
_UNITS_MS = {"s": 1000, "m": 60_000, "h": 3_600_000}
_SHORTEST_MS = 10_000  # a start takes seconds: a board that wakes more often should stay awake
_LONGEST_MS = 86_400_000


def read_power(document: Document, board: tuple[str, ...], table: dict[str, Any]) -> Power | None:
    """The board's power table, or None if it has none; mistakes go to ``document``."""
    if "power" not in table:
        return None
    path = (*board, "power")
    settings = document.take(board, table, "power", dict, {})
    document.only(path, settings, list(_FIELDS))
    policy = document.take(path, settings, "policy", str, ...)
    if policy and policy not in POLICIES:
        remedy = did_you_mean(policy, POLICIES) or f"known: {listing(POLICIES)}"
        document.report((*path, "policy"), f'there is no policy "{policy}"', remedy)
    for key in settings:
        policies = _FIELDS.get(key, POLICIES)
        if policy in POLICIES and policy not in policies:
            what = f"{key} has no effect with the policy {policy}"
            document.report((*path, key), what, f"remove it, or choose {listing(policies, 'or')}")
    return Power(
        policy,
        document.where(*path),
        _ms(document, path, settings, "linger_ms", 2000),
        _wake_every(document, path, settings),
        _ms(document, path, settings, "wifi_deadline_ms", 15_000),
    )


def _ms(
    document: Document, path: tuple[str, ...], settings: dict[str, Any], key: str, default: int
) -> int:
    ms: int = document.take(path, settings, key, int, default)
    if not 0 <= ms <= _LONGEST_MS:
        document.report((*path, key), f"{key}: {ms} is not between 0 and a day ({_LONGEST_MS})")
    return ms


def _wake_every(document: Document, path: tuple[str, ...], settings: dict[str, Any]) -> int | None:
    text = document.take(path, settings, "wake_every", str, None)
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)\s*([smh])", text)
    ms = int(match[1]) * _UNITS_MS[match[2]] if match else 0
    if not _SHORTEST_MS <= ms <= _LONGEST_MS:
        what = f'wake_every: "{text}" is not a time from 10 s to a day'
        document.report((*path, "wake_every"), what, 'write for example "30s", "5m" or "1h"')
    return ms
