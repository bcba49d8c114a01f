"""Fetches a library from PyPI with pip."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from .. import pip_output
from ..errors import UserError, fail
from ..files import project_files
from ..model.library import PYPI
from .archive import installed, of_files, read_file
from .package import Package, compiled


def fetch(name: str, version: str = "") -> Package:
    """Return a library from torpor's own environment if it is there, else from PyPI.

    Raises:
        UserError: It cannot be fetched, or has C code.
    """
    package = installed(name, version) or _download(name, version)
    return replace(package, name=name, source=PYPI)


def _download(name: str, version: str) -> Package:
    with tempfile.TemporaryDirectory(prefix="torpor-add-") as folder:
        place = Path(folder)
        wanted = f"{name}=={version}" if version else name
        wheel = _pip(place, wanted, "--only-binary", ":all:")
        # Most packages for MicroPython are sources, often without the setup.py that pip looks for
        # after it has unpacked them.
        output = _pip(place, wanted) if wheel else ""
        archives = sorted((place / "files").glob("*"))
        if archives:
            _refuse_platform(name, archives[0])
            return read_file(archives[0], name)
        for sources in sorted(place.glob("unpacked/pip-*/*")):
            files = {
                path.relative_to(sources).as_posix(): path.read_bytes()
                for path in project_files(sources)
            }
            if files:
                package = of_files(files, name)
                found = re.search(rf"{re.escape(name)}-([\w.]+?)\.(tar|zip)", output, re.I)
                known = package.version if package.version != "0" else found[1] if found else ""
                return replace(package, version=version or known or "0")
        raise _unavailable(wanted, output)


def _pip(place: Path, wanted: str, *options: str) -> str:
    """Run ``pip download``; return what it says if it fails."""
    unpacked = place / "unpacked"
    unpacked.mkdir(exist_ok=True)
    command = [sys.executable, "-X", "utf8", "-m", "pip", "download", "--no-deps", "--quiet"]
    command += [
        "--disable-pip-version-check",
        "--no-clean",
        "--dest",
        str(place / "files"),
        *options,
        wanted,
    ]
    environment = {**os.environ, "TMPDIR": str(unpacked), "TEMP": str(unpacked)}
    run = subprocess.run(
        command, capture_output=True, encoding="utf-8", errors="replace", env=environment
    )
    return (run.stderr or "pip gives no reason") if run.returncode else ""


def _refuse_platform(name: str, file: Path) -> None:
    if file.suffix == ".whl" and not file.stem.endswith("-none-any"):
        raise compiled(name, file.name)


def _unavailable(wanted: str, output: str) -> UserError:
    reason = pip_output.reason(output)
    name = wanted.partition("==")[0]
    what = f"{wanted} cannot be fetched from PyPI: {reason}"
    offline = f"where there is a network: pip download --no-deps {wanted}"
    offline += f"\nthen here: torpor add {name} --from FILE"
    if reason != pip_output.UNREACHABLE and "No matching distribution" in output:
        # Without retries pip says the same of an index that it cannot reach.
        return fail(what, f"check the name, the version and the network; without one,\n{offline}")
    return fail(what, offline)
