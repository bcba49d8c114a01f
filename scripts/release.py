"""Makes a release: checks that all is ready, tests, builds twice, and tags. It uploads nothing.

``make release VERSION=0.2.0`` runs it. The checklist in CONTRIBUTING.md says what comes before and
after.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_PUBLISHED = ("pyproject.toml", "*.md", "*.yml")
_VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")


def main(version: str) -> int:
    """Release ``version``; return the exit code."""
    problems = list(unready(ROOT, version))
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    if problems:
        return 1
    _run("make", "test")
    files = build(ROOT)
    _run("twine", "check", "--strict", *map(str, files))
    _run("git", "tag", "-a", f"v{version}", "-m", f"torpor {version}")
    print(f"\nv{version} is tagged and in dist/. To publish it:")
    print(f"    git push origin main v{version}")
    print(f"    twine upload {' '.join(str(file.relative_to(ROOT)) for file in files)}")
    return 0


def unready(root: Path, version: str) -> Iterator[str]:
    """Yield what keeps ``version`` from being released, each with its remedy."""
    if not _VERSION.fullmatch(version):
        yield f"{version!r} is not a version: make release VERSION=0.2.0"
        return
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    if project["version"] != version:
        yield f"pyproject.toml has version {project['version']}: write {version}"
    placeholders = _git(root, "grep", "-l", "OWNER/torpor", "--", *_PUBLISHED).split()
    if placeholders:
        yield (
            f"OWNER/torpor, a placeholder, is in {', '.join(placeholders)}: "
            f"sed -i s,OWNER/torpor,YOU/torpor, {' '.join(placeholders)}"
        )
    yield from _documents(root, version)
    if _git(root, "status", "--porcelain"):
        yield "there are changes that are not committed: commit or remove them"
    if (branch := _git(root, "branch", "--show-current")) != "main":
        yield f"this is the branch {branch or '(none)'}: git switch main"
    if _git(root, "tag", "--list", f"v{version}"):
        yield f"the tag v{version} exists: choose the next version"
    if shutil.which("twine") is None:
        yield "twine is not installed: pipx install twine"


def _documents(root: Path, version: str) -> Iterator[str]:
    changes = (root / "CHANGELOG.md").read_text(encoding="utf-8")
    if not re.search(rf"^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", changes, re.MULTILINE):
        yield f"CHANGELOG.md has no heading of this release: ## [{version}] - YYYY-MM-DD"
    used = re.search(r"torpor@v(\S+)", (root / "docs" / "ci.md").read_text(encoding="utf-8"))
    if used is None or used[1] != version:
        yield f"docs/ci.md uses another version of the action: write torpor@v{version}"


def build(root: Path) -> list[Path]:
    """Build the wheel and the sdist into ``dist/``, and again, to see that the bytes are the same.

    Raises:
        SystemExit: The second build differs.
    """
    dist = root / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    with tempfile.TemporaryDirectory() as again:
        for folder in (str(dist), again):
            _run(sys.executable, "-m", "hatchling", "build", "-d", folder, cwd=root)
        for file in dist.iterdir():
            if file.read_bytes() != (Path(again) / file.name).read_bytes():
                sys.exit(f"error: {file.name} differs when it is built again")
    return sorted(dist.iterdir())


def _run(*command: str, cwd: Path = ROOT) -> None:
    print(f"$ {' '.join(command)}", flush=True)
    if code := subprocess.run(command, cwd=cwd, check=False).returncode:
        sys.exit(code)


def _git(root: Path, *words: str) -> str:
    # git grep exits with 1 if it finds nothing.
    result = subprocess.run(["git", *words], cwd=root, capture_output=True, encoding="utf-8")
    if result.returncode > (words[0] == "grep"):
        raise subprocess.CalledProcessError(result.returncode, words, stderr=result.stderr)
    return result.stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
