"""Power cuts at every instant: no confirmed commit is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.crash.compiled import Mistake, compiled, run_cuts

HERE = Path(__file__).parent
SEEDS = [int(line) for line in (HERE / "seeds" / "power_cut.txt").read_text().split()]

# Right text of a file of the store, and the text with a mistake.
MISTAKES: dict[str, Mistake] = {
    "a commit is not flushed": {
        "database.py": [
            (
                "            if not lazy:\n                self.journal.flush()\n        except",
                "        except",
            )
        ]
    },
    "a leaf is renamed before it is flushed": {
        "compact.py": [
            (
                "    file.flush()\n    file.close()\n    if path",
                "    if path[-2:] != '~~' and path[-1] == '~':\n"
                "        rename(path, leaves.path(bound))\n    if path",
            ),
            ("        bounds.append(bound)\n", "        bounds.append(bound)\n    file.close()\n"),
            ("                rename(aside, leaves.path(old))\n", "                pass\n"),
        ],
    },
    "the journal is emptied first": {
        "compact.py": [
            ("        done = (yield from _merge(table)) and done\n", "        pass\n"),
            (
                "    store.size = 0\n",
                "    store.size = 0\n    for table in tables:\n        yield from _merge(table)\n",
            ),
        ]
    },
    "a migration's number is written before its rows": {
        "migrate.py": [
            (
                "        sys.modules[module].up(db)\n",
                "        Database(store).commit(number)\n        sys.modules[module].up(db)\n",
            )
        ]
    },
}


def cut(firmware: Path, seed: int, commits: int, cuts: int) -> dict[str, Any]:
    return run_cuts("power_cut.py", firmware, seed, commits, cuts)


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled(tmp_path_factory.mktemp("firmware"))


def check(firmware: Path, seed: int, commits: int, cuts: int) -> dict[str, Any]:
    result = cut(firmware, seed, commits, cuts)
    failing = f"seed {seed} fails: add it to tests/crash/seeds/power_cut.txt"
    assert not result["wrong"], "\n".join([failing, *result["wrong"]])
    assert result["commits"] >= commits
    assert result["cuts"] >= min(cuts, 3 * result["operations"])
    return result


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_confirmed_is_lost(firmware: Path, seed: int) -> None:
    check(firmware, seed, 2000, 500 // len(SEEDS))


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_store_with_a_mistake_is_caught(tmp_path: Path, mistake: str) -> None:
    result = cut(compiled(tmp_path, MISTAKES[mistake]), SEEDS[0], 400, 400)
    assert result["wrong"]


@pytest.mark.soak
@pytest.mark.parametrize("seed", SEEDS)
def test_cuts_before_and_during_every_operation(firmware: Path, seed: int) -> None:
    result = check(firmware, seed, 2000, 10**9)
    assert result["cuts"] == 3 * result["operations"]
    print(f"seed {seed}: {result['cuts']} cuts in {result['commits']} commits")
