"""Measure the named figures: ``python -m tests.bench [NAME ...]``.

A name may be a pattern (``store_*``). Without names, all figures are measured except those of the
emulated board, which take minutes: ``make bench-emulated``.

``--compare OLD.json`` measures nothing. It shows the changes in ``build/bench.json`` since an older
file, and exits with 1 if a figure got worse by more than the noise.

The results are in ``build/bench.json`` and ``build/bench.svg``. Figures that were not measured this
time keep their values. Exit codes: 0 if all were measured, whether or not they meet their goals, 1
if one could not be measured, 2 for wrong usage.
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
    """Run the command with these arguments, and return its exit code."""
    if names[:1] == ["--compare"]:
        return _compare(names[1:])
    known = entries()
    unknown = {n for n in names if not any(fnmatch(entry.name, n) for entry in known)}
    if unknown:
        print(f"no figure is named {', '.join(sorted(unknown))}; the figures are:", file=sys.stderr)
        print("\n".join(f"  {entry.name}" for entry in known), file=sys.stderr)
        return 2
    results: dict[str, Figure] = {}
    if (OUT / "bench.json").exists():
        results = {figure.name: figure for figure in read(OUT / "bench.json")}
    failed: list[str] = []
    with Lab() as lab:
        for entry in known:
            if _is_selected(entry.name, names):
                began = time.monotonic()
                try:
                    results[entry.name] = entry.measure(lab)
                except Exception:  # go on with the other figures
                    traceback.print_exc()
                    results.pop(entry.name, None)
                    failed.append(entry.name)
                print(f"{entry.name}: {time.monotonic() - began:.1f} s", file=sys.stderr)
    figures = [results[entry.name] for entry in known if entry.name in results]
    write(OUT / "bench.json", figures)
    (OUT / "bench.svg").write_text(plot(figures), encoding="utf-8")
    show([figure for figure in figures if _is_selected(figure.name, names)])
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


def _is_selected(figure: str, names: list[str]) -> bool:
    if not names:
        return not figure.startswith("emulated_")
    return any(fnmatch(figure, name) for name in names)


if __name__ == "__main__":
    sys.exit(main([name for argument in sys.argv[1:] for name in argument.split(",") if name]))
