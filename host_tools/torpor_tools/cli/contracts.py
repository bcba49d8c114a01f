"""``torpor contracts``."""

from __future__ import annotations

from collections.abc import Iterator

import click

from ..errors import UserError
from ..model.contract import Contract
from .base import Command, Group, Settings
from .output import print_table


@click.group(
    cls=Group,
    name="contracts",
    help="Manage the released contracts of the services in contracts.lock.",
)
def command() -> None:
    pass


@command.command(
    cls=Command,
    help="Show each service's contract: its version, its fingerprint, what has changed since, and "
    "the fields of its records.",
    short_help="Show versions, fingerprints, changes and records",
    examples=[("torpor contracts show", "all services")],
)
@click.pass_obj
def show(settings: Settings) -> None:
    from ..contracts import load_plan
    from ..contracts.fingerprint import service_fingerprint
    from ..contracts.promises import verdicts

    plan = load_plan(settings.root)
    held = {verdict.service: verdict for verdict in verdicts(plan)}
    rows = []
    fields: list[tuple[str, str, str]] = []
    for service in sorted((s for b in plan.boards for s in b.services), key=lambda s: s.name):
        fields += _fields(service.contract)
        verdict = held.get(service.name)
        version = str(verdict.version) if verdict and verdict.version else "-"
        changes = verdict.changes if verdict else ()
        state = "; ".join(c.what for c in changes) if version != "-" else "not recorded"
        fingerprint = service_fingerprint(service.contract)
        rows.append((service.name, version, fingerprint, state or "as recorded"))
    print_table(("service", "version", "fingerprint", "since contracts.lock"), rows, "lr")
    if fields:
        click.echo()
        print_table(("record", "field", "type"), fields, "lll")


def _fields(contract: Contract) -> Iterator[tuple[str, str, str]]:
    """Yield a row for each field of a contract's records; the record's name is in the first."""
    for name, record in sorted(contract.records.items()):
        for i, field in enumerate(record.fields or ()):
            yield "" if i else f"{contract.service}.{name}", field.name, str(field)


@command.command(
    cls=Command,
    help="Record all changes that break no caller in contracts.lock, and create it if necessary.",
    short_help="Record compatible changes",
    examples=[("torpor contracts lock", "after adding a method or an optional argument")],
)
@click.pass_obj
def lock(settings: Settings) -> None:
    from ..contracts import load_plan
    from ..contracts.promises import broken_promises, record

    plan = load_plan(settings.root)
    for verdict in record(plan):
        if not verdict.is_recorded and not verdict.breaks:
            news = "; ".join(change.what for change in verdict.changes)
            click.echo(f"{verdict.service}: recorded{f' ({news})' * bool(news)}")
    if problems := broken_promises(plan):
        raise UserError(problems)
    click.echo("contracts.lock holds every contract")


@command.command(
    cls=Command,
    help="Accept breaking changes: record them in contracts.lock under a new version, and edited "
    "migrations as they are now.",
    short_help="Accept breaking changes",
    arguments=[("SERVICE", "The services whose contract may break (default: all)")],
    examples=[
        ("torpor contracts bump alerts", "then build the callers of alerts again"),
        ("torpor contracts bump", "all services"),
    ],
)
@click.argument("services", nargs=-1, metavar="[SERVICE...]")
@click.pass_obj
def bump(settings: Settings, services: tuple[str, ...]) -> None:
    from ..contracts import load_plan
    from ..contracts.promises import record

    plan = load_plan(settings.root)
    accepted = False
    for verdict in record(plan, services or None):
        if services and verdict.service not in services:
            continue
        if verdict.edited:
            accepted = True
            names = ", ".join(verdict.edited)
            click.echo(f"{verdict.service}: migrations recorded as they are now: {names}")
        if verdict.breaks:
            accepted = True
            version = f"version {verdict.version + 1}" if verdict.contract else "removed"
            click.echo(f"{verdict.service}: {version}")
            for change in verdict.breaks:
                click.echo(f"  {change.what}")
    if not accepted:
        click.echo("nothing breaks: no version has changed")
