"""Rules for services that start on request: nothing may need them in between."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import Problem, Where
from ..model.cluster import Cluster
from ..model.contract import Contract

_REMEDY = 'in cluster.toml, let it start at "boot": remove `start = "on-request"`'


def nobody_calls_it(cluster: Cluster, contracts: dict[str, Contract]) -> Iterator[Problem]:
    """Only clients of its port start it, so no service has it as a peer."""
    names = _names(cluster)
    for contract in contracts.values():
        for peer in contract.peers:
            if peer.service in names:
                what = f"{peer.service} starts on request to its port; {contract.service} calls it"
                yield Problem(peer.where, f"{what} as a peer", _REMEDY)


def nothing_waits_in_it(cluster: Cluster, contracts: dict[str, Contract]) -> Iterator[Problem]:
    """Such a service keeps no data, and does nothing between requests."""
    for name in _names(cluster):
        if contract := contracts.get(name):
            for where, has in _what_lasts(contract):
                what = f"{name} starts on request and is unloaded afterwards, but {has}"
                yield Problem(where, what, _REMEDY)


def _what_lasts(contract: Contract) -> Iterator[tuple[Where, str]]:
    if contract.has_store:
        yield contract.where, "it has a store"
    if contract.uses_state:
        yield contract.where, "it uses self.state"
    for handler in contract.handlers:
        yield handler.where, f"{handler.method} subscribes to {handler.event}"
    if contract.spawns:
        yield contract.spawns, "it starts a task here"
    if contract.drives:
        yield contract.drives, "it has a safe output, which is not controlled then"
    for method in contract.methods:
        if method.every_ms is not None or method.daily_s is not None:
            yield method.where, f"{method.name} runs on a schedule"
        elif method.wake:
            yield method.wake.where, f"{method.name} runs at a pin's change"


def _names(cluster: Cluster) -> list[str]:
    return [service.name for service in cluster.services if service.on_request]
