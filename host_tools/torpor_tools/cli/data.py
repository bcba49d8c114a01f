"""``torpor data``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from ..errors import Where, fail
from ..extras import need
from ..suggest import counted
from .base import FILE, Command, Group, Settings
from .options import at_option
from .output import counting

if TYPE_CHECKING:
    from ..board.data.board import Data, Row

_PORT = click.option(
    "--port",
    metavar="PORT",
    help="Over USB instead, by the board's serial port. Its services stop meanwhile.",
)
_FORMAT = click.option(
    "--format",
    "chosen",
    type=click.Choice(["jsonl", "csv"]),
    help="Default: by the file's suffix, otherwise jsonl.",
)


@click.group(
    cls=Group,
    name="data",
    help="Save, restore and check the data of services, on a board or in the running simulator.",
)
def command() -> None:
    pass


@contextmanager
def _data(settings: Settings, service: str, at: str | None, port: str | None) -> Iterator[Data]:
    from ..board.data import board
    from ..contracts import load_plan

    plan = load_plan(settings.root)
    if not port:
        with board.opened(plan, settings.root, service, at) as data:
            yield data
        return
    if at:
        raise fail("--at is for the network, --port for USB", "leave one of them out")
    need("board")
    from ..board.data import usb
    from ..board.deploy.repl import MpremoteRepl

    board.find(plan, service)
    with usb.opened(lambda: MpremoteRepl(port), service) as data:
        yield data


@command.command(
    cls=Command,
    help="Write the rows of a service's tables to a file, or to the terminal.",
    short_help="Write a service's rows to a file",
    arguments=[("SERVICE", "A service that stores data")],
    examples=[
        ("torpor data export readings -o readings.jsonl", "all tables"),
        ("torpor data export readings --table minutes -o minutes.csv", "one, for a spreadsheet"),
        ("torpor data export readings --port /dev/ttyACM0 -o readings.jsonl", "over USB"),
    ],
)
@click.argument("service")
@click.option("--table", metavar="NAME", help="Only this table.")
@click.option(
    "-o", "--output", type=FILE, metavar="FILE", help="The file to write (default: the terminal)."
)
@_FORMAT
@at_option
@_PORT
@click.pass_obj
def export(
    settings: Settings,
    service: str,
    table: str | None,
    output: Path | None,
    chosen: str | None,
    at: str | None,
    port: str | None,
) -> None:
    from ..board.data.files import Origin, format_of, write_csv, write_jsonl, write_origin

    kind = format_of(output, chosen)
    with _data(settings, service, at, port) as data:
        tables = _tables(data, table)
        if kind == "csv" and len(tables) > 1:
            raise fail("a CSV file holds one table", f"name it: --table {tables[0]}")
        with _target(output) as file:
            if kind == "jsonl":
                write_origin(file, Origin(service, data.state()["migrations"]))
            for name in tables:
                with counting(f"{service}.{name}", data.ask("count", table=name)) as count:
                    if kind == "csv":
                        write_csv(file, lambda n=name: count(data.rows(n)))  # type: ignore[misc]
                    else:
                        write_jsonl(file, name, count(data.rows(name)))


def _tables(data: Data, wanted: str | None) -> list[str]:
    tables: list[str] = data.state()["tables"]
    if wanted is None:
        return tables
    if wanted not in tables:
        raise fail(f"{data.service} has no table {wanted}", f"its tables: {', '.join(tables)}")
    return [wanted]


@contextmanager
def _target(path: Path | None) -> Iterator[TextIO]:
    """The file to write; it appears only when it is complete."""
    if path is None:
        yield sys.stdout
        return
    aside = path.with_name(f".{path.name}.part")
    try:
        with aside.open("w", encoding="utf-8", newline="") as file:
            yield file
        aside.replace(path)
    except OSError as error:
        raise fail(f"cannot write {path}: {error.strerror}") from None
    finally:
        aside.unlink(missing_ok=True)


@command.command(
    name="import",
    cls=Command,
    help="Write rows of a file, as export made it, into a service's tables. Rows with the same key "
    "are replaced, others stay. Restart the board afterwards, because the service may have read "
    "its tables; over USB it restarts by itself.",
    short_help="Write the rows of a file into a service's tables",
    arguments=[("SERVICE", "A service that stores data"), ("FILE", "What export wrote")],
    examples=[
        ("torpor data import readings readings.jsonl", "put back what export saved"),
        ("torpor data import readings minutes.csv --table minutes --replace", "just these rows"),
    ],
)
@click.argument("service")
@click.argument("file", type=FILE)
@click.option("--table", metavar="NAME", help="The table of a CSV file.")
@click.option("--replace", is_flag=True, help="Remove the table's other rows first.")
@click.option(
    "--as-is",
    is_flag=True,
    help="Accept rows exported before a migration or by another service.",
)
@_FORMAT
@at_option
@_PORT
@click.pass_obj
def import_(
    settings: Settings,
    service: str,
    file: Path,
    table: str | None,
    replace: bool,
    as_is: bool,
    chosen: str | None,
    at: str | None,
    port: str | None,
) -> None:
    from ..board.data.board import batches
    from ..board.data.files import format_of, read_csv, read_jsonl

    shown = settings.shown(file)
    if not file.is_file():
        raise fail(f"there is no file {shown}")
    kind = format_of(file, chosen)
    if kind == "csv" and not table:
        raise fail("a CSV file does not name its table", "name it: --table NAME")

    def pairs() -> Iterator[tuple[str, Row]]:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            try:
                if kind == "csv":
                    yield from ((str(table), row) for row in read_csv(opened, shown))
                else:
                    yield from read_jsonl(opened, shown)
            except UnicodeDecodeError as error:
                what = f"{shown} is not UTF-8: it holds the byte 0x{error.object[error.start]:02x}"
                raise fail(what, "save the file as UTF-8") from None

    # Everything is read once before anything is written.
    counts: dict[str, int] = {}
    for name, _ in pairs():
        counts[name] = counts.get(name, 0) + 1
    with _data(settings, service, at, port) as data:
        if kind == "jsonl" and not as_is:
            _check_origin(data, file, shown)
        for name, rows in counts.items():
            if replace and name in data.state()["tables"]:
                data.ask("clear", table=name)
            with counting(f"{service}.{name}", rows) as count:
                chosen_rows = (row for each, row in pairs() if each == name)
                for batch in batches(iter(count(chosen_rows))):
                    data.put(name, batch)
            click.echo(f"{service}.{name}: {counted(rows, 'row')} written")


def _check_origin(data: Data, path: Path, shown: str) -> None:
    """Check that rows are for this service, and from the same migration as its data."""
    from ..board.data.files import read_origin

    with path.open(encoding="utf-8-sig") as file:
        origin = read_origin(file)
    if origin is None:
        return
    where = Where(shown, 1)
    if origin.service != data.service:
        what = f"these are rows of {origin.service}, not of {data.service}"
        raise fail(what, "to write them as they are: --as-is", where)
    done = data.state()["migrations"]
    if origin.migrations != done:
        had = f"exported after {counted(origin.migrations, 'migration')}"
        what = f"the rows were {had}, and the board's data has had {done}"
        raise fail(what, "export them again, or write them as they are: --as-is", where)


@command.command(
    cls=Command,
    help="Read every record of a service and verify its CRC.",
    short_help="Verify every record of a service",
    arguments=[("SERVICE", "A service that stores data")],
    examples=[("torpor data check readings", "exit code 1 if anything is damaged")],
)
@click.argument("service")
@at_option
@_PORT
@click.pass_obj
def check(settings: Settings, service: str, at: str | None, port: str | None) -> None:
    damaged = records = size = 0
    with _data(settings, service, at, port) as data:
        files = data.ask("files")
        with counting(service, len(files)) as count:
            for file in count(files):
                found = data.ask("check", file=file)
                records += found.get("records", 0)
                size += found.get("bytes", 0)
                for offset in found.get("damaged", ()):
                    damaged += 1
                    click.echo(f"{file}: damaged at byte {offset}")
        wear = data.state().get("wear")
    click.echo(
        f"{service}: intact: {counted(records, 'record')}, {counted(size, 'byte')} in "
        f"{counted(len(files), 'file')}"
    )
    if wear:
        click.echo(
            f"since its start: {wear['commits']} commits, {wear['flushes']} flushes, "
            f"about {wear['erases']} blocks erased"
        )
    if damaged:
        raise fail(
            f"{damaged} places could not be read; the rows there are lost, all others are served",
            f"save the rest: torpor data export {service} -o {service}.jsonl",
        )
