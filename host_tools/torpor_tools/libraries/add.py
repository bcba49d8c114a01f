"""Adds libraries to a project, and removes them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ..errors import Where, fail
from ..model.cluster import Cluster
from ..model.library import FILE, LIB, MIP, PYPI, LibraryEntry
from ..project import load_cluster
from ..project.libraries import (
    LOCK,
    read_library_lock,
    with_library,
    without_library,
    write_library_lock,
)
from ..suggest import did_you_mean, listing
from ..text import read_text
from . import archive, mip, pypi, vendor
from .known import PACKAGES
from .package import Package

_FILE = "cluster.toml"
_WANTED = re.compile(
    r"(?:(?P<source>pypi|mip):)?(?P<name>[\w.-]+)(?:(?:==|@)(?P<version>[\w.+-]+))?"
)


@dataclass(frozen=True)
class Wanted:
    """The library that the user asked for: ``mip:logging@0.6.1``."""

    name: str
    version: str
    source: str  # pypi, mip, or an address


def wanted(text: str) -> Wanted:
    """Read what ``torpor add`` was given.

    A name alone is looked for in micropython-lib if it is one of its packages, otherwise in PyPI.

    Raises:
        UserError: It is neither a name nor an address.
    """
    if mip.is_address(text):
        plain, _, version = text.partition("@") if not text.startswith("http") else (text, "", "")
        return Wanted(mip.short_name(plain), version, plain)
    match = _WANTED.fullmatch(text)
    if match is None:
        remedy = "write NAME, NAME==VERSION, pypi:NAME, mip:NAME or github:OWNER/NAME"
        raise fail(f"{text!r} is not the name of a library", remedy)
    name = match["name"]
    source = match["source"] or (MIP if name in PACKAGES else PYPI)
    return Wanted(name, match["version"] or "", source)


def fetch(what: Wanted, index: str = mip.INDEX) -> Package:
    """Return a library from its source. Raises ``UserError``."""
    if what.source == FILE:
        remedy = f"give the file again: torpor add {what.name} --from FILE"
        raise fail(f"{what.name} was added from a file, so it cannot be downloaded", remedy)
    if what.source == PYPI:
        return pypi.fetch(what.name, what.version)
    name = what.name if what.source == MIP else what.source
    package = mip.fetch(name, what.version, index)
    return replace(package, name=what.name, source=what.source)


def add(
    root: Path, what: Wanted, *, index: str = mip.INDEX, file: Path | None = None
) -> list[Package]:
    """Add a library, and the packages of micropython-lib that it needs; return them.

    Args:
        root: The project.
        what: The library.
        index: The index of mip.
        file: Where the library is on this computer, instead of the network.

    Raises:
        UserError: It cannot be fetched, cannot run on MicroPython, or has changed.
    """
    cluster = load_cluster(root)
    package = archive.read_file(file, what.name) if file else fetch(what, index)
    if file:
        package = _named(package, what, cluster)
    packages = [package]
    if what.source != PYPI and not file:
        have = {entry.name for entry in cluster.libraries} | {package.name}
        packages += _needs(package, have, index)
    for each in packages:
        _record(root, each)
    return packages


def _named(package: Package, what: Wanted, cluster: Cluster) -> Package:
    """Return the library of a file as the user, the project or the file itself names it."""
    known = next((entry for entry in cluster.libraries if entry.name == what.name), None)
    source = known.source if known else package.source
    stated = package.version if package.version != "0" else ""
    version = what.version or stated or (known.version if known else "") or "0"
    return replace(package, name=what.name, version=version, source=source)


def _needs(package: Package, have: set[str], index: str) -> Iterator[Package]:
    """The further packages that a package of mip needs, each once."""
    for name in package.needs:
        need = wanted(name if mip.is_address(name) else f"{MIP}:{name}")
        if need.name not in have:
            have.add(need.name)
            found = fetch(need, index)
            yield found
            yield from _needs(found, have, index)


def restore(root: Path, index: str = mip.INDEX) -> list[Package]:
    """Fetch every library of ``[libraries]`` that is not in ``vendor/`` as it should be.

    Raises:
        UserError: One cannot be fetched, or is not what the lock says.
    """
    cluster = load_cluster(root)
    added = []
    for entry in _broken(cluster):
        package = fetch(Wanted(entry.name, entry.version, entry.source), index)
        package = replace(package, version=entry.version)
        _record(root, package)
        added.append(package)
    return added


def _broken(cluster: Cluster) -> list[LibraryEntry]:
    alone = {entry: replace(cluster, libraries=(entry,)) for entry in cluster.libraries}
    return [entry for entry in alone if any(vendor.libraries_are_as_added(alone[entry]))]


def _record(root: Path, package: Package) -> None:
    """Write a library's files, its line in the lock and its line in ``cluster.toml``."""
    locked = read_library_lock(root)
    new, old = package.locked(), locked.get(package.name)
    if old and (old.version, old.source) == (new.version, new.source) and old.files != new.files:
        changed = [n for n in {**old.files, **new.files} if old.files.get(n) != new.files.get(n)]
        what = f"{package.name} {package.version} is not what was added: "
        what += f"the SHA-256 of {listing(sorted(changed))} differs"
        remedy = f"if that is right: torpor remove {package.name}, then add it again"
        raise fail(what, remedy, Where(LOCK))
    entry = LibraryEntry(package.name, package.version, Where(_FILE), package.source)
    text = with_library(read_text(root / _FILE, _FILE), entry)
    vendor.write(root, package)
    write_library_lock(root, {**locked, package.name: new}.values())
    (root / _FILE).write_text(text, encoding="utf-8", newline="\n")


def remove(root: Path, name: str) -> None:
    """Remove a library from a project. Raises ``UserError`` if it has no such library."""
    cluster = load_cluster(root)
    locked = read_library_lock(root)
    named = {entry.name: entry for entry in cluster.libraries}
    if name not in named and name not in locked:
        known = sorted({*named, *locked})
        remedy = did_you_mean(name, known) or f"it has: {listing(known) or 'none'}"
        raise fail(f"the project has no library {name}", remedy)
    if name in named:
        text = without_library(read_text(root / _FILE, _FILE), name)
        (root / _FILE).write_text(text, encoding="utf-8", newline="\n")
    write_library_lock(root, [each for each in locked.values() if each.name != name])
    if name not in named or named[name].source != LIB:
        vendor.remove(root, name)
