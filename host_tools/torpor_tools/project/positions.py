"""Finds the line of every key in a TOML text, which ``tomllib`` does not report.

It reads only what ``tomllib`` has accepted before, so it need not look for mistakes.
"""

from __future__ import annotations

import re
import tomllib

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}|\'\'\'.*?\'{3,5}|"(?:\\.|[^"\\])*"|\'[^\']*\'', re.DOTALL
)
_SCALAR = re.compile(r"[^,\]}\n#]*")


def positions(text: str) -> dict[Path, int]:
    """The lines (from 1) of all tables, keys and list elements by their path."""
    return _Scanner(text).scan()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Path, int] = {}
        self.counts: dict[Path, int] = {}  # elements of the arrays of tables so far

    def scan(self) -> dict[Path, int]:
        table: Path = ()
        while self._skip():
            if self._take("[["):
                table = self._array_table()
            elif self._take("["):
                table = self._key(())
                self._take("]")
            else:
                self._pair(table)
        return self.found

    def _array_table(self) -> Path:
        path = self._key(())
        self._take("]]")
        index = self.counts[path] = self.counts.get(path, -1) + 1
        self._record((*path, index))
        return (*path, index)

    def _pair(self, table: Path) -> None:
        path = self._key(table)
        self._take("=")
        self._skip()
        self._value(path)

    def _key(self, table: Path) -> Path:
        path = table
        while True:
            self._skip()
            path = (*path, self._key_part())
            self._record(path)
            self._skip()
            if not self._take("."):
                return path
            if path in self.counts:  # a table inside the newest element of an array of tables
                path = (*path, self.counts[path])

    def _key_part(self) -> str:
        if match := _BARE_KEY.match(self.text, self.at):
            self.at = match.end()
            return match.group()
        return str(tomllib.loads(f"key = {self._string()}")["key"])

    def _value(self, path: Path) -> None:
        if self._take("["):
            self._list(path)
        elif self._take("{"):
            self._inline_table(path)
        elif self.text[self.at] in "\"'":
            self._string()
        else:
            self._match(_SCALAR)

    def _list(self, path: Path) -> None:
        index = 0
        while self._skip() and not self._take("]"):
            self._record((*path, index))
            self._value((*path, index))
            self._skip()
            self._take(",")
            index += 1

    def _inline_table(self, path: Path) -> None:
        while self._skip() and not self._take("}"):
            self._pair(path)
            self._skip()
            self._take(",")

    def _record(self, path: Path) -> None:
        self.found.setdefault(path, self.text.count("\n", 0, self.at) + 1)

    def _string(self) -> str:
        return self._match(_STRING)

    def _match(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self.text, self.at)
        assert match, f"position {self.at} of a TOML text that tomllib has accepted"
        self.at = match.end()
        return match.group()

    def _skip(self) -> bool:
        """Go to the next token. Returns whether there is one."""
        self._match(_BLANK)
        return self.at < len(self.text)

    def _take(self, token: str) -> bool:
        taken = self.text.startswith(token, self.at)
        self.at += len(token) if taken else 0
        return taken
