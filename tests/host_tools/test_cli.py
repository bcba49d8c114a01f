"""The command line as a whole: help that is complete and correct, and exit codes for scripts."""

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

from torpor_tools.cli import EXIT_CODES, root, run
from torpor_tools.cli.base import Settings, UserFile, examples
from torpor_tools.cli.scaffold import write_service
from torpor_tools.errors import UserError
from torpor_tools.project.cluster import RESERVED

TORPOR = str(Path(sys.executable).parent / "torpor")
CONTEXT = click.Context(root)


def commands(group: click.Group, words: str) -> Iterator[tuple[str, click.Command]]:
    """Yield every command that is not a group, with the words that call it."""
    for name in group.list_commands(CONTEXT):
        command = group.get_command(CONTEXT, name)
        assert command, f"{words} {name} is listed, but not there"
        if isinstance(command, click.Group):
            yield from commands(command, f"{words} {name}")
        else:
            yield f"{words} {name}", command


COMMANDS = dict(commands(root, "torpor"))
SHOWN = [line for command in COMMANDS.values() for line, _ in examples(command)]


@pytest.mark.parametrize("words", COMMANDS)
def test_every_command_explains_itself(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*words.split()[1:], "--help"]) == 0
    output = capsys.readouterr().out
    assert output.startswith(f"Usage: {words}")
    assert "\nExamples:\n" in output
    assert examples(COMMANDS[words])[0][0] in output
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
    # It raises for an option or a number of arguments that the command does not accept.
    with contextlib.suppress(click.exceptions.Exit), command.make_context(line, words):
        pass


def test_the_help_names_every_command_and_fits_on_a_screen(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 48
    assert max(map(len, lines)) <= 80
    named = {name for line in lines if line[:2] == "  " for name in re.findall(r"[a-z]+", line)}
    top = {words.split()[1] for words in COMMANDS}
    assert top - named <= {"version"}, "it is --version too"


def test_the_help_lists_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    output = capsys.readouterr().out
    assert all(re.search(rf"^  {code} +\w", output, re.MULTILINE) for code, _ in EXIT_CODES)


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
        ("class", "it is a Python keyword"),
        ("none", "it is a Python keyword"),
        ("door-lock", "it contains '-'"),
        ("2nd", "it does not begin with a letter"),
        *((name, f"a service cannot be called '{name}'") for name in (*RESERVED, "service")),
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


# Parameters whose metavar sounds like a local file, but which name something else.
ELSEWHERE = {("torpor export", "prefix"), ("torpor export", "micropython")}
FILES = [
    (words, parameter)
    for words, command in COMMANDS.items()
    for parameter in command.params
    if isinstance(parameter.type, UserFile)
]


@pytest.mark.parametrize("words", COMMANDS)
def test_a_parameter_that_names_a_file_is_of_the_type_for_files(words: str) -> None:
    for parameter in COMMANDS[words].params:
        name = parameter.metavar or (parameter.name or "").upper()
        sounds = bool(re.search(r"FILE|DIR|CSV|JSON|json|PATH|RECORD|SUITE", name))
        sounds |= isinstance(parameter.type, click.Path | click.File)
        if isinstance(parameter, click.Option) and parameter.is_flag:
            continue
        if sounds and (words, parameter.name) not in ELSEWHERE:
            assert isinstance(parameter.type, UserFile), (words, parameter.name)


def test_there_are_parameters_that_name_files() -> None:
    named = {f"{words} {parameter.name}" for words, parameter in FILES}
    assert {"torpor build firmware", "torpor flash drive", "torpor power profile"} <= named
    assert len(FILES) >= 18


@pytest.mark.parametrize(("words", "parameter"), FILES, ids=lambda value: str(value))
def test_a_relative_file_starts_at_the_folder_of_c(
    words: str, parameter: click.Parameter, tmp_path: Path
) -> None:
    context = click.Context(COMMANDS[words], obj=Settings(str(tmp_path)))
    for given in ("a.x", "sub/a.x", "../a.x"):
        assert parameter.type.convert(given, parameter, context) == tmp_path.resolve() / given
    absolute = str(tmp_path / "elsewhere")
    assert parameter.type.convert(absolute, parameter, context) == Path(absolute)


def test_the_help_shows_where_files_start(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    assert "relative file arguments start there too" in capsys.readouterr().out


def test_files_of_commands_that_write_and_read_them(tmp_path: Path) -> None:
    """Relative names mean the same files from any folder."""
    assert subprocess.run([TORPOR, "init", "p"], cwd=tmp_path, capture_output=True).returncode == 0
    (tmp_path / "here").mkdir()
    (tmp_path / "p" / "own.uf2").write_bytes(b"")
    for arguments, written in (
        (["graph", "--svg", "g.svg"], "g.svg"),
        (["client", "--out", "client.py"], "client.py"),
        (["openapi", "--out", "documents"], "documents/hello.json"),
        (["build", "--no-types", "--firmware", "own.uf2"], ""),
        (["firmware", "get", "RPI_PICO_W", "--from", "own.uf2"], ""),
    ):
        command = [TORPOR, "-C", "../p", *arguments]
        result = subprocess.run(command, cwd=tmp_path / "here", capture_output=True, text=True)
        assert "No such file" not in result.stderr
        assert "there is no" not in result.stderr
        assert (tmp_path / "p" / written).exists()
        assert not list((tmp_path / "here").iterdir())
        assert result.returncode == (0 if written else 1), result.stderr  # own.uf2 is not firmware


def test_init_prints_how_to_reach_the_project(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    for arguments, there in ((["init", "b"], "-C b"), (["-C", "a", "init", "c"], "-C a/c")):
        result = subprocess.run([TORPOR, *arguments], cwd=tmp_path, capture_output=True, text=True)
        assert f"Next: torpor {there} sim" in result.stdout, result


def test_new_prints_how_to_test_the_service(tmp_path: Path) -> None:
    assert subprocess.run([TORPOR, "init", "p"], cwd=tmp_path, capture_output=True).returncode == 0
    for folder, before, there in ((tmp_path, ["-C", "p"], " -C p"), (tmp_path / "p", [], "")):
        words = [TORPOR, *before, "new", "service", f"door{len(before)}"]
        result = subprocess.run(words, cwd=folder, capture_output=True, text=True)
        expected = f"Next: torpor{there} test services/door{len(before)}"
        assert result.stdout.endswith(f"{expected}\n"), result
