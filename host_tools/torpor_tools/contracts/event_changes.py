"""Compares two versions of a service's events: what changed, and whether it breaks subscribers.

Publisher and subscribers may be on boards with different builds. So a field that one side may not
know must have a default.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Where
from ..model.contract import Contract, Event
from .type_changes import type_changes

Found = tuple[bool, Where, str]  # whether it breaks subscribers, where, and what changed


def promised(contract: Contract) -> dict[str, Event]:
    """Return the events that the lock holds: the service's own, and those of lib/ it publishes."""
    own = (contract.service, "")
    return {
        event.name: event
        for event in contract.events
        if event.owner in own or (event.owner == "lib" and event.name in contract.published)
    }


def event_changes(old: Contract, new: Contract) -> Iterator[Found]:
    """Yield what changed in the events of a service."""
    before, now = promised(old), promised(new)
    for name in before.keys() - now.keys():
        yield True, new.where, f"the event {name} is gone"
    for name, event in now.items():
        if name in before:
            yield from _fields(before[name], event)
        else:
            yield False, event.where, f"the event {name} is new"


def _fields(old: Event, new: Event) -> Iterator[Found]:
    before = {f.name: f for f in old.fields}
    now = {f.name: f for f in new.fields}
    for name in before.keys() - now.keys():
        yield True, new.where, f"the event {new.name} has lost its field {name}"
    for name, field in now.items():
        place = f"{new.name}.{name}"
        if name not in before:
            if field.default is None:
                what = f"{place} is new and has no default: older boards do not send it"
                yield True, field.where, what
            else:
                yield False, field.where, f"{place} is new"
            continue
        for breaking, what in type_changes(before[name].type, field.type, place, sent=False):
            yield breaking, field.where, what
        was = before[name].default
        if (was is None) != (field.default is None):
            word = "has a default now" if was is None else "has lost its default"
            yield True, field.where, f"{place} {word}: older boards disagree about it"
        elif was != field.default:
            yield False, field.where, f"{place} is {field.default} when absent, was {was}"
