"""A TOML file, from which values are read one by one and every mistake is collected."""

from __future__ import annotations

import json
import re
import tomllib
import unicodedata
from pathlib import Path
from typing import Any

from ..errors import Problem, UserError, Where, fail
from ..suggest import did_you_mean, listing
from ..text import read_text
from .positions import positions

_AT = re.compile(r" \(at line (\d+), column (\d+)\)$")
_END = re.compile(r" \(at end of document\)$")
_WORDS: dict[type, str] = {
    str: "text in quotes",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}
# Example lines for a key that is missing.
_EXAMPLES: dict[type, str] = {
    str: '{} = "..."',
    int: "{} = 1",
    float: "{} = 1.0",
    bool: "{} = true",
    list: "{} = [...]",
    dict: "[{}]",
}


class Document:
    """A parsed TOML file. Raises ``UserError`` if it cannot be read or parsed."""

    def __init__(self, path: Path, shown: str) -> None:
        self.shown = shown
        self.problems: list[Problem] = []
        try:
            text = read_text(path, shown)
        except FileNotFoundError:
            raise fail(f"there is no {shown}", "run this in the project's folder") from None
        try:
            self.data: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UserError(_syntax(shown, text, str(error))) from None
        self._lines = positions(text)

    def where(self, *path: str | int) -> Where:
        """The place of a key, or of the nearest table around it."""
        for length in range(len(path), 0, -1):
            if line := self._lines.get(path[:length]):
                return Where(self.shown, line)
        return Where(self.shown)

    def report(self, path: tuple[str | int, ...], what: str, remedy: str = "") -> None:
        self.problems.append(Problem(self.where(*path), what, remedy))

    def only(self, path: tuple[str | int, ...], table: dict[str, Any], known: list[str]) -> None:
        """Report the keys of ``table`` that are not known."""
        for key in table:
            if key not in known:
                remedy = did_you_mean(key, known) or f"known: {listing(known)}"
                self.report((*path, key), f'unknown key "{key}"', remedy)

    def take(
        self, path: tuple[str | int, ...], table: dict[str, Any], key: str, kind: type, default: Any
    ) -> Any:
        """The value of ``key`` if it has the right type, else ``default`` and a problem.

        With ``default`` set to ``...`` the key must be there.
        """
        if key not in table:
            if default is ...:
                place = f"[{'.'.join(map(str, path))}] has no" if path else "there is no"
                self.report(path, f'{place} "{key}"', f"add: {_EXAMPLES[kind].format(key)}")
                return kind()
            return default
        value = table[key]
        if kind is float and type(value) is int:
            value = float(value)
        if type(value) is not kind:
            what = f"{key}: expected {_WORDS[kind]}, got {as_toml(value)}"
            name = ".".join(map(str, (*path, key))) if kind is dict else key
            self.report((*path, key), what, f"write for example {_EXAMPLES[kind].format(name)}")
            return kind() if default is ... else default
        return value


def as_toml(value: Any) -> str:
    """A value in TOML's notation: ``true``, and text in double quotes."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _syntax(shown: str, text: str, message: str) -> Problem:
    match = _AT.search(message)
    if match:
        where = Where(shown, int(match[1]), int(match[2]))
        message = _AT.sub("", message)
    else:
        where = Where(shown, text.count("\n") + 1)
        message = _END.sub(" at the end of the file", message)
    line = text.split("\n")[where.line - 1]
    if odd := next((c for c in line if unicodedata.category(c) == "Zs" and c != " "), ""):
        where = Where(shown, where.line, line.index(odd) + 1)
        what = f"not TOML: U+{ord(odd):04X} ({unicodedata.name(odd).lower()})"
        return Problem(where, what, "write an ordinary space instead")
    return Problem(where, f"not TOML: {message}", _syntax_remedy(message))


def _syntax_remedy(message: str) -> str:
    if "Invalid value" in message:
        return 'a value is a number, true, false or text in quotes: key = "text"'
    if "overwrite" in message or "twice" in message:
        return "a key and a table are written once: merge the two"
    return "TOML consists of lines: [table] or key = value"
