"""Measure the figures that are named: ``python -m tests.bench [NAME ...]``.

A name may be a pattern (``store_*``). Without names: all but those of the emulated board, which
take minutes; ``make bench-emulated`` measures them.

``--compare OLD.json`` measures nothing: it shows what has changed in ``build/bench.json`` since an
older file, and exits with 1 if a figure got worse by more than the noise.

Writes ``build/bench.json`` and ``build/bench.svg``. Figures that were not measured this time keep
their values in the file. Exit codes: 0 done (whether or not goals are met), 1 a figure
could not be measured, 2 wrong usage.
"""

from __future__ import annotations

import sys
import time
import traceback
from fnmatch import fnmatch
from pathlib import Path

from tests.bench.lab import Lab
from tests.bench.plot import plot
from tests.bench.registry import entries
from tests.bench.report import show, show_changes
from tests.bench.results import Figure, read, write
from torpor_tools.cli import print_problems
from torpor_tools.errors import UserError

OUT = Path("build")


def main(names: list[str]) -> int:
    if names[:1] == ["--compare"]:
        return _compare(names[1:])
    known = entries()
    unknown = {n for n in names if not any(fnmatch(entry.name, n) for entry in known)}
    if unknown:
        print(f"no figure is called {', '.join(sorted(unknown))}; there are:", file=sys.stderr)
        print("\n".join(f"  {entry.name}" for entry in known), file=sys.stderr)
        return 2
    results: dict[str, Figure] = {}
    if (OUT / "bench.json").exists():
        results = {figure.name: figure for figure in read(OUT / "bench.json")}
    failed: list[str] = []
    with Lab() as lab:
        for entry in known:
            if _is_meant(entry.name, names):
                began = time.monotonic()
                try:
                    results[entry.name] = entry.measure(lab)
                except Exception:  # the other figures are worth having
                    traceback.print_exc()
                    results.pop(entry.name, None)
                    failed.append(entry.name)
                print(f"{entry.name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
    figures = [results[entry.name] for entry in known if entry.name in results]
    write(OUT / "bench.json", figures)
    (OUT / "bench.svg").write_text(plot(figures), encoding="utf-8")
    show([figure for figure in figures if _is_meant(figure.name, names)])
    print(f"written: {OUT}/bench.json, {OUT}/bench.svg")
    if failed:
        print(f"NOT MEASURED: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _compare(files: list[str]) -> int:
    if len(files) != 1:
        print("usage: python -m tests.bench --compare OLD.json", file=sys.stderr)
        return 2
    try:
        return 0 if show_changes(read(Path(files[0])), read(OUT / "bench.json")) else 1
    except UserError as error:
        print_problems(error.problems)
        return 2


def _is_meant(figure: str, names: list[str]) -> bool:
    if not names:
        return not figure.startswith("emulated_")
    return any(fnmatch(figure, name) for name in names)


if __name__ == "__main__":
    sys.exit(main([name for argument in sys.argv[1:] for name in argument.split(",") if name]))
