"""The command line as a whole: help that is complete and true, and exit codes for scripts."""

from __future__ import annotations

import contextlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from torpor_tools.cli import EXAMPLES, EXIT_CODES, root, run
from torpor_tools.cli.base import examples
from torpor_tools.cli.scaffold import write_service
from torpor_tools.errors import UserError

TORPOR = str(Path(sys.executable).parent / "torpor")
CONTEXT = click.Context(root)


def commands(group: click.Group, words: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by the words that call it."""
    for name in group.list_commands(CONTEXT):
        command = group.get_command(CONTEXT, name)
        assert command, f"{words} {name} is listed, but not there"
        if isinstance(command, click.Group):
            yield from commands(command, f"{words} {name}")
        else:
            yield f"{words} {name}", command


COMMANDS = dict(commands(root, "torpor"))
SHOWN = [line for line, _ in EXAMPLES]
SHOWN += [line for command in COMMANDS.values() for line, _ in examples(command)]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_explains_itself(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words.split()[1:], "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: {words}")
    assert "\nExamples:\n" in said
    assert examples(COMMANDS[words])[0][0] in said
    for parameter in COMMANDS[words].params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.name


@pytest.mark.parametrize("line", SHOWN)
def test_every_example_is_well_formed(line: str) -> None:
    program, *words = shlex.split(line)
    assert program == "torpor"
    command: click.Command | None = root
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        command = command.get_command(CONTEXT, words.pop(0))
    assert command, line
    # It raises for an option or a number of arguments that the command does not take.
    with contextlib.suppress(click.exceptions.Exit), command.make_context(line, words):
        pass


def test_the_help_tells_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(re.search(rf"^  {code} +\w", said, re.MULTILINE) for code, _ in EXIT_CODES)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["check"], 1, "no cluster.toml"),
        (["-C", "nowhere", "check"], 1, "no folder nowhere"),
        (["chekc"], 2, "Did you mean check?"),
        (["check", "--typos"], 2, "--typos"),
        (["new", "service"], 2, "NAME"),
    ],
)
def test_exit_codes(arguments: list[str], code: int, words: str, tmp_path: Path) -> None:
    result = subprocess.run([TORPOR, *arguments], cwd=tmp_path, capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (code, "")
    assert words in result.stderr


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("class", "Python keeps that word for itself"),
        ("none", "Python keeps that word for itself"),
        ("door-lock", "it has '-' in it"),
        ("2nd", "it does not begin with a letter"),
        ("kernel", "torpor uses the name 'kernel' itself"),
    ],
)
def test_a_name_that_no_service_can_have(name: str, cause: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=cause):
        write_service(tmp_path, name)


def test_output_is_plain_when_it_is_not_read_by_a_terminal(tmp_path: Path) -> None:
    for arguments in (["boards"], ["--help"], ["init", "x"], ["-C", "x", "build", "--no-types"]):
        result = subprocess.run([TORPOR, *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        assert not re.search(r"[^\n\x20-\x7e]", result.stdout + result.stderr)
