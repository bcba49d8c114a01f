"""Compares the services with ``contracts.lock``, and writes that file."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import Problem, UserError, fail
from ..model.contract import Contract, Method
from ..model.plan import Plan
from ..suggest import did_you_mean, listing
from .changes import Change, changes, method_changes
from .fingerprint import honoured_forms
from .lock import Locked, read_lock, write_lock


@dataclass(frozen=True)
class Verdict:
    """A service and its entry in the lock; one of the two may be missing."""

    service: str
    locked: Locked | None
    contract: Contract | None  # None: no board has it any more
    changes: tuple[Change, ...] = ()

    @property
    def breaks(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.breaking)

    @property
    def edited(self) -> tuple[str, ...]:
        """The files of recorded migrations that were changed or removed."""
        if self.contract is None:
            return ()
        here = {f"{m.name}.py": m.digest for m in self.contract.migrations}
        return tuple(n for n, digest in _recorded(self.locked).items() if here.get(n) != digest)

    @property
    def version(self) -> int:
        """The version of the contract that the lock holds; 0 if it holds none."""
        return self.locked.version if self.locked and self.locked.has_contract else 0

    @property
    def is_recorded(self) -> bool:
        """Whether the lock and the source agree."""
        return self.version > 0 and not self.changes


def with_earlier(root: Path, contracts: Mapping[str, Contract]) -> dict[str, Contract]:
    """Return the contracts with the forms of their methods in ``contracts.lock``.

    A lock that cannot be read adds none; the check of the lock reports it.
    """
    try:
        lock = read_lock(root) or {}
    except UserError:
        lock = {}
    return {
        name: _with_earlier(contract, lock[name].contract) if name in lock else contract
        for name, contract in contracts.items()
    }


def _with_earlier(contract: Contract, locked: Contract) -> Contract:
    before = {method.name: method for method in locked.methods}
    methods = (_method(before.get(method.name), method) for method in contract.methods)
    return replace(contract, methods=tuple(methods))


def _method(before: Method | None, now: Method) -> Method:
    """Return the method with its earlier forms, unless a later change breaks its callers."""
    if before is None or any(change.breaking for change in method_changes(before, now)):
        return now
    own = honoured_forms(now)
    return replace(now, earlier=tuple(f for f in _oldest_first(before) if f not in own))


def _oldest_first(method: Method) -> tuple[str, ...]:
    own = honoured_forms(replace(method, earlier=()))
    return (*method.earlier, *own)


def verdicts(plan: Plan) -> list[Verdict]:
    """Each service of the cluster or of its lock, by name; none without a lock.

    Raises ``UserError`` for a lock that cannot be read.
    """
    lock = read_lock(plan.cluster.root)
    return [] if lock is None else _verdicts(plan, lock)


def broken_promises(plan: Plan) -> list[Problem]:
    """The breaking changes since ``contracts.lock``, and the migrations edited since then.

    Raises ``UserError`` for a lock that cannot be read.
    """
    problems = []
    judged = verdicts(plan)
    for verdict in judged:
        bump = f"keep it, or accept the break with: torpor contracts bump {verdict.service}"
        for change in verdict.breaks:
            what = f"this breaks callers of {verdict.service}: {change.what}"
            problems.append(Problem(change.where, what, bump))
    return problems + _edited_migrations(judged)


def _edited_migrations(judged: list[Verdict]) -> list[Problem]:
    """Report migrations that differ from ``contracts.lock``: boards may have run them."""
    problems = []
    for verdict in judged:
        contract = verdict.contract
        here = {f"{m.name}.py": m for m in contract.migrations} if contract else {}
        for name in verdict.edited:
            file = f"services/{verdict.service}/migrations/{name}"
            if contract and name not in here:
                what = f"{file} is gone, but contracts.lock says that it was released"
                remedy = "put it back: boards may have run it already"
                problems.append(Problem(contract.where, what, remedy))
            else:
                what = "the migration was edited after its release: boards that have run it "
                remedy = (
                    f"undo the edit (git diff {file}) and write a new migration; if no board "
                    f"has run it: torpor contracts bump {verdict.service}"
                )
                problems.append(Problem(here[name].where, what + "will not again", remedy))
    return problems


def _recorded(locked: Locked | None) -> dict[str, str]:
    return dict(locked.extra.get("migrations", {})) if locked else {}


def _with_migrations(locked: Locked, contract: Contract, accept: bool) -> Locked:
    """Return the entry with new migrations added; existing ones change only if ``accept``."""
    here = {f"{m.name}.py": m.digest for m in contract.migrations}
    kept = here if accept else {**here, **_recorded(locked)}
    extra = {key: value for key, value in locked.extra.items() if key != "migrations"}
    if kept:
        extra["migrations"] = dict(sorted(kept.items()))
    return Locked(locked.contract, locked.version, extra)


def unrecorded(plan: Plan) -> list[str]:
    """Return notes about compatible changes that are not in the lock yet."""
    found = []
    for verdict in verdicts(plan):
        if not verdict.breaks and not verdict.is_recorded:
            news = listing(c.what for c in verdict.changes) or "is not recorded"
            found.append(f"{verdict.service}: {news}; record it with: torpor contracts lock")
        elif new := _new_migrations(verdict):
            news = f"new migrations: {listing(new)}"
            found.append(f"{verdict.service}: {news}; record them with: torpor contracts lock")
    return found


def _new_migrations(verdict: Verdict) -> list[str]:
    recorded = _recorded(verdict.locked)
    here = verdict.contract.migrations if verdict.contract else ()
    return [m.name for m in here if f"{m.name}.py" not in recorded]


def record(plan: Plan, bump: Collection[str] | None = ()) -> list[Verdict]:
    """Write ``contracts.lock`` and return how the services differed from it before.

    The entry of a service that breaks its callers does not change, unless ``bump`` names the
    service (None: all of them). Raises ``UserError`` for an unknown name.
    """
    found = _verdicts(plan, read_lock(plan.cluster.root) or {})
    known = [verdict.service for verdict in found]
    for name in bump or ():
        if name not in known:
            remedy = did_you_mean(name, known) or f"services: {listing(known)}"
            raise fail(f"there is no service {name}", remedy)
    entries = {v.service: _entry(v, bump is None or v.service in bump) for v in found}
    kept = {name: entry for name, entry in entries.items() if entry is not None}
    write_lock(plan.cluster.root, kept)
    return found


def _entry(verdict: Verdict, accept: bool) -> Locked | None:
    """Return the new entry of a service in the lock."""
    if verdict.breaks and not accept:
        if verdict.locked is None or verdict.contract is None:
            return verdict.locked
        return _with_migrations(verdict.locked, verdict.contract, accept)
    if verdict.contract is None:
        return None
    extra = verdict.locked.extra if verdict.locked else {}
    locked = Locked(verdict.contract, max(1, verdict.version + bool(verdict.breaks)), extra)
    return _with_migrations(locked, verdict.contract, accept)


def _verdicts(plan: Plan, lock: dict[str, Locked]) -> list[Verdict]:
    contracts = {s.name: s.contract for board in plan.boards for s in board.services}
    names = sorted({*contracts, *lock})
    return [_verdict(name, lock.get(name), contracts.get(name)) for name in names]


def _verdict(name: str, locked: Locked | None, contract: Contract | None) -> Verdict:
    if locked is None or not locked.has_contract:
        return Verdict(name, locked, contract)
    if contract is None:
        gone = Change(True, locked.contract.where, "no board has it any more")
        return Verdict(name, locked, None, (gone,))
    return Verdict(name, locked, contract, tuple(changes(locked.contract, contract)))
