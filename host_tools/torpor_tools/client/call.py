"""One call by name, as ``torpor call`` makes it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from ..errors import UserError, fail
from ..model.contract import Method, Route
from ..model.plan import BoardPlan, PlacedService, Plan
from ..suggest import did_you_mean, listing
from .arguments import arguments
from .find import board_of, services_of, urls
from .http import Client, Fault
from .peer import after_refusal, ask_as_peer


def call(
    plan: Plan, root: Path, name: str, given: Sequence[str], *, at: str | None, timeout: float
) -> Iterator[Any]:
    """Call ``service.method``; yield its result, or its pieces if it streams.

    A method without a route is called as a peer calls it, under the cluster's key.

    ``given``: the arguments, ``name=value`` each. ``timeout`` is in seconds. Raises ``UserError``
    for a wrong call, for a fault, and for a service that does not answer.
    """
    service, method = find_method(plan, name)
    values = arguments(method, given)
    board = board_of(plan, service)
    called = f"{name} on {board.name}"
    if not method.routes or service.port is None:
        if method.streamed:
            raise fail(f"{name} streams, and has no route to stream on", _routed(service))
        if service.entry.on_request:
            what = f"{name} has no route, and {service.name} starts on request to its port"
            raise fail(what, _routed(service))
        return ask_as_peer(plan, root, service, method, values, at=at, timeout=timeout)
    route = method.routes[0]
    return _ask_first(
        urls(plan, root, service, at),
        lambda url: _ask(url, method, route, values, timeout),
        called,
        _asleep(board, at),
    )


def find_method(plan: Plan, name: str) -> tuple[PlacedService, Method]:
    """The service and the method that ``service.method`` names. Raises ``UserError``."""
    service_name, _, method_name = name.partition(".")
    services = services_of(plan, service_name)
    methods = {m.name: m for m in services[service_name].contract.methods}
    if method_name not in methods:
        remedy = did_you_mean(method_name, methods) or f"its methods: {listing(methods)}"
        raise fail(f"{service_name} has no method {method_name or 'without a name'}", remedy)
    return services[service_name], methods[method_name]


def _routed(service: PlacedService) -> str:
    names = [m.name for m in service.contract.methods if m.routes]
    return f"methods of {service.name} with a route: {listing(names) or 'none'}"


def _asleep(board: BoardPlan, at: str | None) -> str:
    """Return how a request reaches a board that sleeps; empty if the board receives it itself."""
    if not board.sleeps or (board.mailbox and at and board.mailbox.host in at):
        return ""
    if board.mailbox is None:
        return (
            f"{board.name} sleeps deep and has no mailbox: call it while it is awake, "
            "or give the cluster a [mailbox] (docs/gateway.md)"
        )
    gateway = board.mailbox.host if board.mailbox.own else "GATEWAY"
    return (
        f"{board.name} sleeps deep, and the gateway keeps requests until it wakes: "
        f"start torpor gateway there, and add --at {gateway} --timeout 300"
    )


def _ask_first(
    places: Sequence[str], ask: Callable[[str], Iterator[Any]], called: str, asleep: str
) -> Iterator[Any]:
    """The answer of the first place that can be reached.

    Args:
        places: The URLs to try.
        ask: Sends the request to one of them.
        called: The method and its board, for errors.
        asleep: The remedy if the board sleeps.
    """
    reasons = []
    for url in places:
        try:
            yield from ask(url)
            return
        except httpx.ConnectError as error:
            reasons.append(f"{url}: {error}")
        except httpx.TimeoutException as error:
            raise fail(
                f"{called} did not answer in time ({url})", asleep or "wait longer: --timeout"
            ) from error
        except httpx.HTTPError as error:
            raise fail(f"{called}: {error} ({url})", "see the board's log") from error
        except Fault as fault:
            raise _refused(called, fault) from None
    where = "; ".join(reasons) or "its address is not known"
    remedy = asleep or "start torpor sim, or give the address: --at HOST"
    raise fail(f"{called} cannot be reached: {where}", remedy)


def _refused(called: str, fault: Fault) -> UserError:
    board = called.rpartition(" ")[2]
    what = f"{called} answered {fault.status}: {fault.message}"
    return fail(what, after_refusal(board, fault.status, fault.message))


def _ask(
    url: str, method: Method, route: Route, values: dict[str, Any], timeout: float
) -> Iterator[Any]:
    path = [values[s[1:-1]] if s.startswith("<") else s for s in route.segments]
    others = {name: value for name, value in values.items() if name not in route.parameters}
    in_body = route.verb in ("POST", "PUT")
    with Client(url, timeout=timeout) as client:
        if method.streamed:
            yield from client._stream(route.verb, path, others)
        else:
            body = others if in_body and others else None
            yield client._ask(route.verb, path, None if in_body else others, body)
