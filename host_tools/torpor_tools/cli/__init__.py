"""The command ``torpor``: the table of commands, and the one place that prints errors and exits."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

import click

from ..errors import Problem, UserError
from .base import Entry, HelpPage, Settings

GROUPS = (
    (
        "Write",
        (
            Entry("init", "Start a cluster project in a folder"),
            Entry("new", "Add a service with a test to the cluster"),
            Entry("client", "Write a typed Python client of the services"),
            Entry("openapi", "Write the OpenAPI document of a service"),
            Entry("check", "Find mistakes in cluster.toml and the services"),
            Entry("contracts", "Show, record and renew what the services promise"),
        ),
    ),
    (
        "Build",
        (
            Entry("build", "Link each board's services into an image"),
            Entry("secrets", "Make and change the cluster's key"),
            Entry("export", "Write a service as a systemd unit and a container"),
            Entry("boards", "List the kinds of board and their limits"),
            Entry("firmware", "Fetch a board's official MicroPython firmware"),
        ),
    ),
    (
        "Simulate",
        (
            Entry("sim", "Run the cluster in MicroPython on this machine"),
            Entry("test", "Run the cluster's tests, under many placements"),
            Entry("set", "Change what a simulated board senses"),
            Entry("fault", "Break boards and links of the simulator"),
            Entry("call", "Call a method of a running service"),
            Entry("migrations", "List migrations, and which of them a board's data has had"),
            Entry("data", "Save, restore and check what services keep"),
        ),
    ),
    ("Run", (Entry("gateway", "Answer HTTP for boards that sleep"),)),
    (
        "Place",
        (
            Entry("graph", "Show which services call each other"),
            Entry("plan", "Show what another placement would change"),
            Entry("place", "Propose the placement with the fewest remote calls"),
        ),
    ),
    (
        "Measure",
        (
            Entry("power", "Tell what a board draws, and how long callers wait"),
            Entry("bench", "Show what make bench measured, and what changed"),
        ),
    ),
    (
        "Board",
        (
            Entry("flash", "Put firmware and image on a board"),
            Entry("deploy", "Send what has changed to a running board"),
            Entry("logs", "Print what a board logs"),
            Entry("repl", "Talk to a board's Python"),
            Entry("reset", "Restart a board"),
            Entry("doctor", "Compare a board with what torpor states of it"),
        ),
    ),
    ("About", (Entry("version", "Show the versions of torpor and its parts"),)),
)

EXAMPLES = (
    ("torpor init fridge-monitor", "start a project"),
    ("torpor sim --watch", "run it, and again at each change"),
    ("torpor build shed", "the image of one board"),
)

OK, PROBLEMS, USAGE, BUG, INTERRUPTED = 0, 1, 2, 70, 130
EXIT_CODES = (
    (str(OK), "done; torpor sim: stopped by Ctrl-C"),
    (str(PROBLEMS), "mistakes in your files or input, each told with its place and a remedy"),
    (str(USAGE), "wrong options or arguments"),
    (str(BUG), "a bug in torpor"),
    (str(INTERRUPTED), "interrupted"),
)


class Root(click.Group):
    """``torpor`` itself: loads a command's module only when that command runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [entry.name for _, entries in GROUPS for entry in entries]

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
        width = max(map(len, self.list_commands(ctx)))
        for title, entries in GROUPS:
            page.rows(title, [(entry.name, entry.summary) for entry in entries], width)
        page.options(self)
        page.rows("Examples", EXAMPLES)
        page.rows("Exit codes", EXIT_CODES)
        page.text("Help on a command, with examples: torpor COMMAND --help")


@click.group(
    cls=Root,
    no_args_is_help=True,
    context_settings={"color": False if os.environ.get("NO_COLOR") else None},
    help="Nanoservices for a microcontroller: write, check, link and simulate them.",
)
@click.option(
    "-C",
    "--directory",
    default=".",
    metavar="DIR",
    help="Work as if started in DIR: arguments that name files start there too.",
)
@click.version_option(package_name="torpor", message="torpor %(version)s")
@click.pass_context
def root(ctx: click.Context, directory: str) -> None:
    ctx.obj = Settings(directory)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that ``arguments`` (or the command line) names, and exit the process."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; whatever it raises has been printed."""
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
    except Exception:
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
    """Print the traceback of the exception in hand and ask for a report."""
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
