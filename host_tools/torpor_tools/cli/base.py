"""The base of the commands: their help page, and the project that they work in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import click

from ..errors import fail
from ..extras import need


@dataclass(frozen=True)
class Entry:
    """A line of ``torpor --help``: related commands, each in the module of its name."""

    names: str  # separated by commas
    summary: str

    @property
    def commands(self) -> list[str]:
        return self.names.split(", ")


@dataclass(frozen=True)
class Settings:
    """The settings of every command: the folder in which it was started."""

    directory: str

    @cached_property
    def folder(self) -> Path:
        """The folder to work in. Raises ``UserError`` if it does not exist."""
        folder = Path(self.directory)
        if not folder.is_dir():
            raise fail(f"there is no folder {self.directory}")
        return folder.resolve()

    def shown(self, path: Path) -> str:
        """Return a path as a user would write it: relative if it is below the folder to work in."""
        return str(path.relative_to(self.folder) if path.is_relative_to(self.folder) else path)

    @property
    def in_project(self) -> bool:
        """Whether there is a ``cluster.toml`` here or in a folder above."""
        return self._found is not None

    @cached_property
    def root(self) -> Path:
        """The cluster's folder: the nearest one upwards with a ``cluster.toml``."""
        if self._found:
            return self._found
        raise fail(
            f"no cluster.toml in {self.folder} or a folder above it",
            "go to a cluster's folder, or start one: torpor init DIR",
        )

    @cached_property
    def _found(self) -> Path | None:
        folders = (self.folder, *self.folder.parents)
        return next((folder for folder in folders if (folder / "cluster.toml").is_file()), None)


class UserFile(click.Path):
    """The type of every argument that names a file or a folder: a path.

    A relative path starts at the folder of ``torpor -C``, so all commands use the same name for the
    same file.
    """

    def __init__(self, *, file_okay: bool = True) -> None:
        super().__init__(file_okay=file_okay, path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        settings = ctx.find_object(Settings) if ctx else None
        return super().convert(settings.folder / value if settings else value, param, ctx)


FILE = UserFile()
FOLDER = UserFile(file_okay=False)


class HelpPage:
    """Writes a help page: headings in colour, one aligned line for each entry."""

    def __init__(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.ctx = ctx
        self.formatter = formatter

    def usage(self, arguments: str) -> None:
        line = f"{self.ctx.command_path} {arguments}".rstrip()
        self.formatter.write(f"{click.style('Usage:', fg='green', bold=True)} {line}\n")

    def text(self, text: str | None) -> None:
        if text:
            self.formatter.write_paragraph()
            self.formatter.write_text(text)

    def rows(self, title: str, rows: Sequence[tuple[str, str]], width: int = 0) -> None:
        """A heading and its entries; the second column has ``width`` or is as wide as necessary."""
        if not rows:
            return
        width = width or max(len(first) for first, _ in rows)
        self.formatter.write_paragraph()
        self.formatter.write(f"{click.style(f'{title}:', fg='green', bold=True)}\n")
        for first, second in rows:
            padding = " " * (width - len(first) + 2 if second else 0)
            self.formatter.write(f"  {click.style(first, fg='cyan')}{padding}{second}\n")

    def options(self, command: click.Command) -> None:
        options = [p for p in command.get_params(self.ctx) if isinstance(p, click.Option)]
        records = [option.get_help_record(self.ctx) for option in options]
        self.rows("Options", [record for record in records if record])


class Command(click.Command):
    """A command whose help page explains its arguments and ends with examples.

    Args:
        arguments: Names of arguments and their explanations.
        examples: Lines to type and their explanations.
        extra: The extra of torpor that the command cannot run without; empty if the core is enough.
    """

    def __init__(
        self,
        *args: Any,
        arguments: Sequence[tuple[str, str]] = (),
        examples: Sequence[tuple[str, str]] = (),
        extra: str = "",
        **kw: Any,
    ) -> None:
        super().__init__(*args, **kw)
        self.arguments = arguments
        self.examples = examples
        self.extra = extra

    def invoke(self, ctx: click.Context) -> Any:
        if self.extra:
            need(self.extra)
        return super().invoke(ctx)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        page = HelpPage(ctx, formatter)
        page.usage(" ".join(self.collect_usage_pieces(ctx)))
        page.text(self.help)
        page.rows("Arguments", self.arguments)
        page.options(self)
        page.rows("Examples", self.examples)


class Group(click.Group):
    """A command with subcommands: ``torpor new service``."""

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        page = HelpPage(ctx, formatter)
        page.usage("COMMAND ...")
        page.text(self.help)
        page.rows("Commands", [(n, c.get_short_help_str(70)) for n, c in self.commands.items()])
        page.options(self)
        page.rows("Examples", [e for c in self.commands.values() for e in examples(c)])


def examples(command: click.Command) -> Sequence[tuple[str, str]]:
    """The examples on a command's help page: a line to type, and what it does."""
    return command.examples if isinstance(command, Command) else ()
