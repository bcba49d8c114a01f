"""Compares two versions of a type: which changes callers notice, by the direction of the data.

A caller sends arguments and reads results. A result may gain a field, because callers ignore
unknown fields; an argument may gain one only if the field is optional.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..model.types import Field, Limits, Type

Found = tuple[bool, str]  # whether it breaks callers, and what changed


def type_changes(old: Type, new: Type, path: str, sent: bool) -> Iterator[Found]:
    """Yield what changed; ``path`` leads to the value, ``sent`` means that callers send it."""
    if old == new:
        return
    if old.fields is not None and new.fields is not None:
        yield from _fields(old.fields, new.fields, path or "result", sent)
    elif _same_form(old, new):
        for before, now in zip(old.args, new.args, strict=True):
            yield from type_changes(before, now, (path or "result") + _step(old), sent)
    elif old.plain == new.plain and (old.args, old.fields) == (new.args, new.fields):
        yield from _narrower(old, new, path or "result", sent)
    elif path:
        yield True, f"{path} was {old}, is {new}"
    else:
        yield True, f"returned {old}, returns {new}"


def _narrower(old: Type, new: Type, path: str, sent: bool) -> Iterator[Found]:
    """Report a wider or narrower type: the first breaks readers, the second breaks senders."""
    less, more = not _covers(new, old), not _covers(old, new)
    yield (less if sent else more), f"{path} was {old}, is {new}"


def _covers(wide: Type, narrow: Type) -> bool:
    """Whether ``wide`` allows every value of ``narrow``, a type with the same values otherwise."""
    if narrow.choices:
        if wide.choices:
            return {*narrow.choices} <= {*wide.choices}
        return wide.limits is None or all(map(wide.limits.allow, narrow.choices))
    if wide.choices:
        return False
    outer, inner = wide.limits or Limits(), narrow.limits or Limits()
    low = outer.low is None or (inner.low is not None and inner.low >= outer.low)
    high = outer.high is None or (inner.high is not None and inner.high <= outer.high)
    return low and high and outer.pattern in (None, inner.pattern)


def _same_form(old: Type, new: Type) -> bool:
    """Whether two types differ only in records, literals and limits inside."""
    same = (old.name, len(old.args)) == (new.name, len(new.args)) and bool(old.args)
    return same and (old.is_checked or new.is_checked)


def _step(outer: Type) -> str:
    return "[]" if outer.name in ("list", "dict") else ""


def _fields(
    old: tuple[Field, ...], new: tuple[Field, ...], path: str, sent: bool
) -> Iterator[Found]:
    before = {field.name: field for field in old}
    now = {field.name: field for field in new}
    for name, field in before.items():
        place = f"{path}.{name}"
        if name not in now:
            yield True, f"{place} is gone"
            continue
        yield from type_changes(field.type, now[name].type, place, sent)
        if field.required != now[name].required:
            # A reader relies on required fields; a sender may omit optional ones.
            words = ("must be there now", "may be absent now")
            yield now[name].required == sent, f"{place} {words[field.required]}"
    for name, field in now.items():
        if name not in before:
            place = f"{path}.{name}"
            must = sent and field.required
            yield must, f"{place} is new" + (" and must be there" if must else "")
