"""Run the doctor's programs on a board and compare their output with the facts."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ...errors import UserError, fail
from ...paths import firmware_dir
from ..deploy.repl import BoardError, Repl
from .fact import Fact, Seen, Subject
from .facts import FACTS
from .facts.chip import NEEDED
from .facts.resets import ENDINGS, SLEEP_MS

_NEEDS_WIFI = ("join", "names")
_NO_WIFI = "needs the Wi-Fi of secrets.toml"
_NO_RESETS = "left out by --no-resets"
_KEPT = 0x5EED
_POLL_S = 0.5
_ATTEMPTS = 20


class Verdict(StrEnum):
    """Whether the board confirms a fact."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_SHOWN = "not shown"


@dataclass(frozen=True)
class Result:
    """A fact, and what this board showed of it; ``why`` it was not shown, or could not be read."""

    fact: Fact
    verdict: Verdict
    expected: Any = None
    seen: Any = None
    why: str = ""


@dataclass(frozen=True)
class Bench:
    """The board on the bench and how to reach it.

    Attributes:
        subject: The board type.
        connect: Opens its REPL; called with the seconds without a byte after which to give up.
        wifi: ``ssid`` and ``password`` to join with; empty if there are none.
        resets: Whether the board may be reset.
        emulated: Whether it is the emulator.
        silence_s: How long it may stay silent while a program runs, in seconds.
        patience_s: How long it may take to come back from a reset, in seconds.
    """

    subject: Subject
    connect: Callable[[float], Repl]
    wifi: Mapping[str, str]
    resets: bool = True
    emulated: bool = False
    silence_s: float = 40.0
    patience_s: float = 60.0


def examine(bench: Bench, progress: Callable[[str], None] = lambda program: None) -> list[Result]:
    """Examine a board and leave it as a reset would.

    Args:
        bench: The board.
        progress: Called with the name of each program before it runs.

    Returns:
        One result for each fact that is stated for this board type. If the line breaks or the
        board does not come back from a reset, the facts of the programs that follow are not shown.

    Raises:
        UserError: The board does not answer at the start.
    """
    link = bench.connect(bench.silence_s)
    try:
        link.restart()  # a heap without the services
        results = []
        lost = ""
        for program in dict.fromkeys(fact.program for fact in FACTS):
            facts = [f for f in FACTS if f.program == program and _stated(bench, f) is not None]
            if not facts:
                continue
            if reason := _left_out(bench, program, facts) or lost:
                results += [_not_shown(bench, fact, reason) for fact in facts]
                continue
            progress(program)
            seen: Seen | str
            try:
                if program in ENDINGS:
                    seen, link = _over_a_reset(bench, link, program)
                else:
                    seen = _run(link, program, _settings(bench, program))
            except (UserError, BoardError) as error:
                seen = _first_cause(error)
                lost = f"the board was lost in {program}"
            results += _compare(bench, facts, seen)
        if not lost:
            link.reset()
        return results
    finally:
        link.close()


def _stated(bench: Bench, fact: Fact) -> Any:
    return fact.expected(bench.subject)


def _left_out(bench: Bench, program: str, facts: Sequence[Fact]) -> str:
    """Why a program is not run; empty if it is."""
    if program in _NEEDS_WIFI and not bench.wifi:
        return _NO_WIFI
    if program in ENDINGS and not bench.resets:
        return _NO_RESETS
    if bench.emulated and all(fact.emulator for fact in facts):
        return _emulator(facts[0])
    return ""


def _emulator(fact: Fact) -> str:
    return f"emulator: {fact.emulator}"


def _not_shown(bench: Bench, fact: Fact, why: str) -> Result:
    return Result(fact, Verdict.NOT_SHOWN, _stated(bench, fact), why=why)


def _settings(bench: Bench, program: str) -> dict[str, Any]:
    """The constants that a program expects to be set before it."""
    if program == "modules":
        return {"WANTED": NEEDED}
    if program in _NEEDS_WIFI:
        return {"SSID": bench.wifi["ssid"], "KEY": bench.wifi.get("password", "")}
    return {}


def _run(link: Repl, program: str, settings: Mapping[str, Any]) -> Seen | str:
    """The output of a program, or the last line of its traceback."""
    lines = "".join(f"{name} = {value!r}\n" for name, value in settings.items())
    try:
        printed = link.run(lines + _source(program))
    except BoardError as error:
        return _first_cause(error)
    return _read(printed)


def _read(printed: str) -> Seen | str:
    """The output of a program, extracted from everything on the line.

    On the UART of an ESP32 the Wi-Fi's own messages come in between.
    """
    lines = printed.strip().splitlines()
    for line in reversed(lines):
        with contextlib.suppress(ValueError):
            values = json.loads(line)
            if isinstance(values, dict):
                return {"printed": "\n".join(lines), **values}
    return f"the program printed no values, but {printed.strip()[-80:]!r}"


def _first_cause(error: UserError | BoardError) -> str:
    """One line about an error: the last one of a traceback."""
    if isinstance(error, UserError):
        return error.problems[0].what
    return str(error).strip().splitlines()[-1]


def _source(program: str) -> str:
    return (firmware_dir() / "doctor" / f"{program}.py").read_text(encoding="utf-8")


def _over_a_reset(bench: Bench, link: Repl, ending: str) -> tuple[Seen | str, Repl]:
    """End the run as ``ENDINGS`` names it; return what the next start printed, and its REPL."""
    link.run(_source("resets"))
    link.start(f"keep({_KEPT})\n{ending}({SLEEP_MS})")
    began = time.monotonic()
    link.close()
    link = _await_start(bench)
    away_ms = round((time.monotonic() - began) * 1000)
    link.run(_source("resets"))
    seen = _read(link.run(f"report({_KEPT})"))
    return seen if isinstance(seen, str) else {**seen, "away_ms": away_ms}, link


def _await_start(bench: Bench) -> Repl:
    """The REPL of a start that is not the one we left. Raises ``UserError``."""
    deadline = time.monotonic() + bench.patience_s
    while True:
        why = "it has not restarted"
        try:
            # What we send while the chip resets is lost: ask again soon.
            link = bench.connect(bench.patience_s / _ATTEMPTS)
            if "False" in link.run("print('keep' in globals())"):
                link.wait_longer(bench.silence_s)
                return link
            link.close()  # the reset has not happened yet
        except (UserError, BoardError) as error:
            why = _first_cause(error)
        if time.monotonic() > deadline:
            raise fail(
                f"the board did not come back within {bench.patience_s:.0f} s: {why}",
                "press its reset button, and try again with --no-resets",
            )
        time.sleep(_POLL_S)


def _compare(bench: Bench, facts: Iterable[Fact], seen: Seen | str) -> list[Result]:
    return [_judge(bench, fact, seen) for fact in facts]


def _judge(bench: Bench, fact: Fact, seen: Seen | str) -> Result:
    expected = _stated(bench, fact)
    if bench.emulated and fact.emulator:
        return _not_shown(bench, fact, _emulator(fact))
    if isinstance(seen, str):
        return Result(fact, Verdict.DIFFERS, expected, why=seen)
    if hidden := fact.hidden(seen):
        return _not_shown(bench, fact, hidden)
    value = fact.read(seen)
    verdict = Verdict.AGREES if fact.agrees(expected, value) else Verdict.DIFFERS
    return Result(fact, verdict, expected, value)
