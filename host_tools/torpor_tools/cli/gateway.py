"""``torpor gateway``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import fail
from ..model.cluster import Mailbox
from ..model.plan import Plan
from .base import Command, Settings
from .options import port_base_option
from .output import print_table
from .signals import cancel_at_signals

if TYPE_CHECKING:
    from ..gateway import Gateway
    from ..gateway.homes import Home, Resolve

_LOOK_S = 1.0  # how often the addresses of the simulator are read again


@click.command(
    cls=Command,
    extra="gateway",
    help="Answer HTTP for boards that sleep, until Ctrl-C.",
    examples=[
        ("torpor gateway", "with the broker of cluster.toml, or one that it starts"),
        ("torpor gateway --bind 127.0.0.1", "next to torpor sim on one computer"),
        ("torpor gateway --broker mqtts://nas.local", "another broker than the boards'"),
    ],
)
@click.option("--broker", metavar="URL", help="The broker (default: cluster.toml's).")
@click.option(
    "--bind", default="0.0.0.0", metavar="ADDRESS", help="Where to listen (default: everywhere)."
)
@click.option(
    "--wait",
    type=click.FloatRange(min=1),
    default=300.0,
    metavar="SECONDS",
    help="How long a client waits by default (300).",
)
@click.option(
    "--limit",
    type=click.IntRange(1, 900),
    default=64,
    metavar="N",
    help="Requests that may wait for one board (default: 64).",
)
@port_base_option
@click.pass_obj
def command(
    settings: Settings,
    broker: str | None,
    bind: str,
    wait: float,
    limit: int,
    port_base: int | None,
) -> None:
    from ..contracts import load_plan
    from ..gateway import Gateway
    from ..project.secrets import broker_login

    root = settings.root
    plan = load_plan(root)
    where = _broker(plan, broker)
    ports = None
    if port_base is not None:
        named = sorted({s.port for b in plan.boards for s in b.services if s.port})
        ports = {port: port_base + n for n, port in enumerate(named)}
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    gateway = Gateway(
        plan,
        where,
        broker_login(root),
        root / "build" / "gateway",
        bind=bind,
        ports=ports,
        wait_s=wait,
        limit=limit,
        resolve=_resolver(root),
    )
    asyncio.run(_run(gateway, plan, bind))


def _broker(plan: Plan, url: str | None) -> Mailbox:
    from ..project.mailbox import from_url

    if url is not None:
        return from_url(url)
    if plan.cluster.mailbox is None:
        raise fail(
            "the cluster has no mailbox, so a gateway has nothing to do",
            'add to cluster.toml: [mailbox] with gateway = "<this computer>", and a board with '
            'the policy "deep"',
        )
    return plan.cluster.mailbox


async def _run(gateway: Gateway, plan: Plan, bind: str) -> None:
    cancel_at_signals()
    with contextlib.suppress(asyncio.CancelledError):
        async with gateway:
            _show(gateway, plan, bind)
            await gateway.run()
    click.echo("stopped")


def _show(gateway: Gateway, plan: Plan, bind: str) -> None:
    host = "127.0.0.1" if bind == "0.0.0.0" else bind
    rows = [
        (service.name, board.name, f"http://{host}:{gateway.ports[service.port]}")
        for board in plan.boards
        for service in board.services
        if service.port
    ]
    click.echo()
    print_table(("service", "board", "url"), rows)
    click.echo("\nCtrl-C stops.\n")


def _resolver(root: Path) -> Resolve:
    """The address of a board: its own, or the one in a simulator of this project."""
    from torpor_sim import simulated
    from torpor_sim.ports import Place

    places: dict[str, Place] = {}
    looked = 0.0

    def resolve(home: Home, address: str) -> tuple[str, int]:
        nonlocal looked
        if address.startswith("127."):
            if time.monotonic() - looked > _LOOK_S:
                places.update(simulated(root / "build" / "sim"))
                looked = time.monotonic()
            place = places.get(home.board)
            if place and home.port in place.ports:
                return place.address, place.ports[home.port]
        return address, home.port

    return resolve
