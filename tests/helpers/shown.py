"""Commands, output and files that a page of documentation shows, in their order.

Comments in the page give a test the instructions that a reader does not need:

- ``<!-- file: PATH -->`` before a block: the reader writes the block to that file.
- ``<!-- append: PATH -->``: the reader adds the block at the end of the file.
- ``<!-- method: PATH -->``: the same, for the class at the end of the file. The block shows the
  head of the class and a comment, which exist already, and after an empty line the method.
- ``<!-- exit: 1 -->`` before a block of commands: they fail.
- ``<!-- background: TEXT -->``: the command runs until the next one in the background starts. The
  reader continues when it has printed TEXT.
- ``<!-- log: TEXT -->``: the command in the background prints TEXT.
- ``<!-- not run: REASON -->``: the block is not executed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = re.compile(
    r"(?:^<!-- (?P<note>[\w ]+): (?P<value>.*?) -->\n+)?"
    r"^(?P<fence>```+)(?P<language>\w*)\n(?P<body>.*?)^(?P=fence)$",
    re.DOTALL | re.MULTILINE,
)
ELLIPSIS = "…"  # in shown output: any number of lines


@dataclass(frozen=True)
class Block:
    """One fenced block with the comment before it."""

    language: str
    body: str
    note: str
    value: str
    line: int


@dataclass(frozen=True)
class ShownCommand:
    """A line after ``$``, and the output that the page shows."""

    line: str
    output: list[str]

    def missing(self, output: str) -> list[str]:
        """Return the first shown line that the output lacks, in order; numbers may differ."""
        lines = [_normal(line) for line in output.splitlines() if line.strip()]
        start, skipping = 0, True
        for shown in self.output:
            if shown.strip() == ELLIPSIS:
                skipping = True
                continue
            if not shown.strip():
                continue
            try:
                found = lines.index(_normal(shown), start)
            except ValueError:
                return [shown]
            if not skipping and found != start:
                return [shown]
            start, skipping = found + 1, False
        return []

    def old_sizes(self, output: str) -> list[str]:
        """Return the shown lines with a size that differs by over 500 bytes and over a tenth."""
        printed = {_normal(line): _sizes(line) for line in output.splitlines()}
        return [
            line
            for line in self.output
            for shown, now in zip(_sizes(line), printed.get(_normal(line), []), strict=False)
            if abs(shown - now) > max(500, now / 10)
        ]


@dataclass(frozen=True)
class Step:
    """One block: commands to run, or a file to write."""

    commands: list[ShownCommand] = field(default_factory=list)
    exit: int = 0
    file: str = ""
    text: str = ""
    append: bool = False
    background: str = ""
    log: str = ""

    def write_files(self, folder: Path) -> None:
        if not self.file:
            return
        path = folder / self.file
        path.parent.mkdir(parents=True, exist_ok=True)
        old = path.read_text() if self.append else ""
        path.write_text(old + self.text)


def blocks(page: str) -> list[Block]:
    """Return all fenced blocks of a page."""
    return [
        Block(
            match["language"],
            match["body"],
            match["note"] or "",
            match["value"] or "",
            page.count("\n", 0, match.start("fence")) + 1,
        )
        for match in _BLOCK.finditer(page)
    ]


def steps(page: str) -> list[Step]:
    """Return what a reader of the page does, block by block."""
    done = []
    for block in blocks(page):
        if block.note == "not run":
            continue
        if block.note in ("file", "append", "method"):
            text = block.body
            if block.note == "method":
                head, _, method = text.partition("\n\n")
                assert head.startswith("class "), text
                text = "\n" + method
            elif block.note == "append":
                text = "\n\n" + text
            done.append(Step(file=block.value, text=text, append=block.note != "file"))
        elif block.note == "log":
            done.append(Step(log=block.value))
        elif block.language == "console":
            code = int(block.value) if block.note == "exit" else 0
            background = block.value if block.note == "background" else ""
            done.append(Step(_commands(block.body), exit=code, background=background))
    return done


def _commands(body: str) -> list[ShownCommand]:
    commands: list[ShownCommand] = []
    for line in body.splitlines():
        if line.startswith("$ "):
            commands.append(ShownCommand(line.removeprefix("$ "), []))
        elif commands:
            commands[-1].output.append(line)
    return commands


def _normal(line: str) -> str:
    text = re.sub(r"={3,}", "===", re.sub(r"\s+", " ", line.strip()))  # pytest fills a line with =
    return re.sub(r"\d[\d,.]*", "#", text)


def _sizes(line: str) -> list[int]:
    """Return the numbers of a line that are sizes: with a comma before every three digits."""
    return [int(text.replace(",", "")) for text in re.findall(r"\d{1,3}(?:,\d{3})+", line)]
