"""Find where a service of the cluster answers: in a simulator on this computer, or on its board."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from torpor_sim import simulated

from ..errors import fail
from ..model.plan import BoardPlan, PlacedService, Plan
from ..suggest import did_you_mean, listing


def services_of(plan: Plan, name: str | None = None) -> dict[str, PlacedService]:
    """The services that boards carry, by name. Raises ``UserError`` if ``name`` is none of them."""
    services = {s.name: s for board in plan.boards for s in board.services}
    if name is not None and name not in services:
        remedy = did_you_mean(name, services) or f"services: {listing(services)}"
        raise fail(f"there is no service {name}", remedy)
    return services


def board_of(plan: Plan, service: PlacedService) -> BoardPlan:
    """The first board that runs the service."""
    return next(board for board in plan.boards if service in board.services)


def addresses(
    plan: Plan, root: Path, service: PlacedService, at: str | None
) -> list[tuple[BoardPlan, str, int]]:
    """The ports of peers on boards that carry the service: board, host and port, best first.

    ``at`` as for ``urls``. Raises ``UserError``.
    """
    places = simulated(root / "build" / "sim")
    boards = [board for board in plan.boards if service in board.services and board.port]
    if at is not None:
        url = urlsplit(_url(at, None))
        return [(boards[0], url.hostname or "", url.port or boards[0].port or 80)] if boards else []
    found = []
    for board in boards:
        place, port = places.get(board.name), board.port or 0
        if place and port in place.ports:
            url = urlsplit(place.url(port))
            found.append((board, url.hostname or "", url.port or 80))
        found.append((board, board.host, port))
    return found


def urls(plan: Plan, root: Path, service: PlacedService, at: str | None) -> list[str]:
    """The places to look for a service with a port, best first.

    ``at`` is a host, host:port or URL; without it: the simulator of the project, then the board's
    ``host``. Raises ``UserError`` for an ``at`` that is none of these.
    """
    if at is not None:
        return [_url(at, service.port)]
    return list(_known(plan, root, service))


def address_of(at: str, port: int) -> tuple[str, int]:
    """The host and port of ``at``, a host, host:port or URL. Raises ``UserError``."""
    url = urlsplit(_url(at, port))
    return url.hostname or "", url.port or 80


def _known(plan: Plan, root: Path, service: PlacedService) -> Iterator[str]:
    places = simulated(root / "build" / "sim")
    for board in plan.boards:
        if service in board.services and service.port:
            place = places.get(board.name)
            if place and service.port in place.ports:
                yield place.url(service.port)
            if board.host:
                yield f"http://{board.host}:{service.port}"


def _url(at: str, port: int | None) -> str:
    if re.match(r"https?://[^/]", at):
        return at.rstrip("/")
    if re.fullmatch(r"[\w.-]+|[\w.-]+:\d{1,5}", at, re.ASCII):
        return f"http://{at}" if ":" in at or not port else f"http://{at}:{port}"
    raise fail(
        f"{at} is not the address of a service", "give a host, host:port or URL: --at 192.168.1.7"
    )
