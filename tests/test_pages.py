"""Every page of documentation: its links, its blocks of code, and the commands that it names."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import click
import pytest

from tests.helpers.shown import blocks
from torpor_tools.cli import root as torpor

ROOT = Path(__file__).parents[1]
PAGES = [
    name
    for name in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    if not name.startswith(("host_tools/torpor_tools/templates/", "tests/cases/"))
]
# Executed from the first block to the last, by the test that the comment names.
EXECUTED = {
    "README.md",  # tests/e2e/test_readme.py
    "docs/tutorial.md",  # tests/e2e/test_tutorial.py
}
CODE = ("console", "sh", "python")
LANGUAGES = {"", *CODE, "toml", "yaml", "json", "text", "html", "mermaid", "c"}


def _prose(page: str) -> str:
    """Return a page without its blocks of code and its inline code."""
    text = re.sub(r"^(```+).*?^\1$", "", page, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`\n]*`", "code", text)


def _anchors(page: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub and MkDocs make them."""
    text = re.sub(r"^(```+).*?^\1$", "", page, flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    plain = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    return {re.sub(r"[^\w\- ]", "", heading).strip().replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_pages_and_headings_that_exist(name: str) -> None:
    page = (ROOT / name).read_text()
    for link in re.findall(r"\]\(([^)\s]+)\)", _prose(page)):
        if "://" in link:
            assert link.startswith("https://"), link
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), f"{name}: {link}"
        if anchor:
            assert anchor in _anchors(target.read_text()), f"{name}: {link}"


@pytest.mark.parametrize("name", PAGES)
def test_blocks_of_code_are_executed_or_state_why_not(name: str) -> None:
    for block in blocks((ROOT / name).read_text()):
        place = f"{name}:{block.line}"
        assert block.language in LANGUAGES, f"{place}: {block.language} is not one of {LANGUAGES}"
        if block.language == "toml":
            tomllib.loads(block.body)
        if block.language == "python":
            ast.parse(block.body)
        if block.language not in CODE or name in EXECUTED:
            continue
        assert block.note in ("not run", "tested"), (
            f"{place}: put <!-- tested: tests/FILE.py --> or <!-- not run: REASON --> before it"
        )
        if block.note == "tested":
            assert (ROOT / block.value).is_file(), f"{place}: there is no {block.value}"


def _named_commands(page: str) -> list[str]:
    """Return each command line of torpor that a page shows or mentions."""
    lines = re.findall(r"^(?:\$ )?(?:\S*/)?(torpor [^\n]+)$", page, re.MULTILINE)
    return lines + re.findall(r"`(torpor [^`\n]+)`", page)


def _unknown(line: str) -> str:
    """Return the command or option of a line that torpor does not have, or nothing."""
    words = shlex.split(line.replace("…", ""), comments=True)[1:]
    command: click.Command = torpor  # or the group or command that the words lead to
    context = click.Context(command, info_name="torpor")
    while words:
        word = words.pop(0)
        if word.startswith("-"):
            options = [o for p in command.get_params(context) for o in (*p.opts, *p.secondary_opts)]
            if word.split("=")[0] not in [*options, "--help"]:
                return word
            if command is torpor and word in ("-C", "--directory"):
                words[:1] = []
        elif isinstance(command, click.Group):
            if word.isupper() or word in ("...", "|"):
                return ""
            group = command
            for name in word.rstrip(",").split(","):
                below = group.get_command(context, name)
                if not below:
                    return name
                command = below
            context = click.Context(command, info_name=word, parent=context)
    return ""


@pytest.mark.parametrize("name", PAGES)
def test_commands_and_options_that_a_page_names_exist(name: str) -> None:
    if name == "CHANGELOG.md":  # names what there was
        return
    unknown = {
        line: word
        for line in _named_commands((ROOT / name).read_text())
        if (word := _unknown(line))
    }
    assert unknown == {}


@pytest.mark.parametrize(
    ("line", "unknown"),
    [
        ("torpor build --only readings", ""),
        ("torpor -C ../tour check", ""),
        ("torpor secrets rotate --finish  # then build", ""),
        ("torpor biuld", "biuld"),
        ("torpor build --onyl readings", "--onyl"),
        ("torpor secrets turn", "turn"),
        ("torpor COMMAND --help", ""),
    ],
)
def test_a_misspelt_command_is_found(line: str, unknown: str) -> None:
    assert _unknown(line) == unknown


def test_the_anchors_are_those_of_github() -> None:
    page = "# On its own, and on `Linux`\n```\n# no heading\n```\n## `torpor doctor`: facts\n"
    assert _anchors(page) == {"on-its-own-and-on-linux", "torpor-doctor-facts"}


def test_each_message_of_the_troubleshooting_page_exists() -> None:
    page = (ROOT / "docs/troubleshooting.md").read_text()
    sources = [*(ROOT / "host_tools").rglob("*.py"), *(ROOT / "firmware").rglob("*.py")]
    sources += (ROOT / "sim").rglob("*.py")
    text = " ".join(path.read_text() for path in sources)
    text = re.sub(r'"\s*f?"', "", text)  # strings that are joined
    for row in re.findall(r"^\| (?:\d+ )?(`.*?) \|", page, re.MULTILINE):
        shown = re.findall(r"`([^`]+)`", row)
        for message in shown:
            pattern = re.escape(message).replace(r"\{\}", r"\{[^}]*\}")
            assert re.search(pattern, text), f"no error says {message!r}: correct the page"
