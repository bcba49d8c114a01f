"""The command ``torpor``: the table of commands, and the one place that prints errors and exits."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from ..errors import Problem, UserError
from ..extras import error_for
from .base import Entry, HelpPage, Settings

GROUPS = (
    (
        "Project",
        (
            Entry("init", "Start a cluster project in a folder"),
            Entry("new", "Add a service with a test to the cluster"),
            Entry("check", "Find mistakes in cluster.toml and the services"),
            Entry("test", "Run the cluster's tests, under many placements"),
            Entry("contracts", "Show, record and update the services' contracts"),
            Entry("add, remove, libraries", "Add, remove and list libraries"),
            Entry("client, openapi", "Write a typed Python client or the OpenAPI document"),
        ),
    ),
    (
        "Image",
        (
            Entry("build", "Link each board's services into an image"),
            Entry("secrets", "Make and change the cluster's keys"),
            Entry("export", "Export a service as a systemd unit and a container"),
            Entry("graph, plan, place", "Show who calls whom and what another placement changes"),
        ),
    ),
    (
        "Running cluster",
        (
            Entry("sim", "Run the cluster in MicroPython on this computer"),
            Entry("set, show, fault", "Set simulated sensors, show displays, inject faults"),
            Entry("call, trace", "Call a method of a service; trace its calls"),
            Entry("top, crashes", "Show what boards do now, and why one crashed"),
            Entry("data, migrations", "Save, restore and check the services' data"),
            Entry("update, rollback", "Send signed updates to running boards; roll back"),
            Entry("gateway", "Answer HTTP for boards that sleep"),
            Entry("power", "Report what a board draws and how long callers wait"),
        ),
    ),
    (
        "Board on USB",
        (
            Entry("flash, deploy", "Write the whole image, or only what has changed"),
            Entry("logs, repl, reset", "Print the log (also over the network), prompt, restart"),
            Entry("doctor", "Compare a board with torpor's facts about it"),
            Entry("boards, firmware", "List the board types; fetch their MicroPython"),
        ),
    ),
)

OK, PROBLEMS, USAGE, BUG, INTERRUPTED = 0, 1, 2, 70, 130
EXIT_CODES = (
    (str(OK), "done"),
    (str(PROBLEMS), "mistakes in your files or input, each with its place and a remedy"),
    (str(USAGE), "wrong options or arguments"),
    (str(BUG), "a bug in torpor"),
    (str(INTERRUPTED), "interrupted"),
)


class Root(click.Group):
    """``torpor`` itself: loads a command's module only when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        rows = [entry for _, entries in GROUPS for entry in entries]
        return [*(name for entry in rows for name in entry.commands), "version"]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.list_commands(ctx):
            return None
        command: click.Command = import_module(f"{__name__}.{name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            from difflib import get_close_matches

            close = "".join(f" Did you mean {c}?" for c in get_close_matches(args[0], known, 1))
            raise click.UsageError(f"There is no command {args[0]!r}.{close}", ctx)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        page = HelpPage(ctx, formatter)
        page.usage("COMMAND ...")
        page.text(self.help)
        width = max(len(entry.names) for _, entries in GROUPS for entry in entries)
        for title, entries in GROUPS:
            page.rows(title, [(entry.names, entry.summary) for entry in entries], width)
        page.options(self)
        page.rows("Exit codes", EXIT_CODES)
        page.text("Help on a command, with examples: torpor COMMAND --help")


@click.group(
    cls=Root,
    no_args_is_help=True,
    context_settings={"color": False if os.environ.get("NO_COLOR") else None},
    help="Nanoservices for microcontrollers: write, check, link, simulate, deploy.",
)
@click.option(
    "-C",
    "--directory",
    default=".",
    metavar="DIR",
    help="Run in DIR; relative file arguments start there too.",
)
@click.version_option(package_name="torpor", message="torpor %(version)s")
@click.pass_context
def root(ctx: click.Context, directory: str) -> None:
    ctx.obj = Settings(directory)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that ``arguments`` (or the command line) names, and exit the process."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; errors have been printed."""
    try:
        code = root.main(list(arguments), prog_name="torpor", standalone_mode=False)
        return code if isinstance(code, int) else OK
    except UserError as error:
        print_problems(error.problems)
        return PROBLEMS
    except click.ClickException as error:
        error.show()
        return USAGE
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and (lacking := error_for(error.name or "")):
            print_problems(lacking.problems)
            return PROBLEMS
        print_bug()
        return BUG


def print_problems(problems: Sequence[Problem]) -> None:
    """Print each problem with its place and its remedy to stderr."""
    for problem in problems:
        where = click.style(f"{problem.where}: ", fg="cyan") if problem.where else ""
        click.echo(f"{click.style('error', fg='red', bold=True)}: {where}{problem.what}", err=True)
        for line in problem.remedy.splitlines():
            click.echo(f"    {click.style(line, fg='green')}", err=True)
    if len(problems) > 1:
        click.echo(f"{len(problems)} problems", err=True)


def print_bug() -> None:
    """Print the traceback of the current exception and ask for a report."""
    import platform
    import traceback
    from importlib.metadata import version

    traceback.print_exc()
    click.echo(
        f"\nThis is a bug in torpor {version('torpor')}, not in your files. Please report it with "
        f"the text above, the command line,\nPython {platform.python_version()} and "
        f"{platform.platform()}.",
        err=True,
    )
