"""Reads a library from a wheel, a source distribution, a zip file, a folder or a single module."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from dataclasses import replace
from email.message import Message
from email.parser import Parser
from importlib import metadata
from pathlib import Path

from ..errors import fail
from ..files import project_files
from ..model.library import FILE, PYPI
from .package import Package, chosen, licence_of

_LICENCE = "License :: "


def read_file(path: Path, name: str = "") -> Package:
    """Return the library in a file or folder.

    Args:
        path: A wheel, a ``.tar.gz``, a ``.zip``, a ``.py`` file, or a folder with sources.
        name: What the project calls it (default: what it calls itself).

    Raises:
        UserError: It is none of these, or cannot run on MicroPython.
    """
    if path.is_dir():
        files = {p.relative_to(path).as_posix(): p.read_bytes() for p in project_files(path)}
        return of_files(files, name or path.name)
    if not path.is_file():
        raise fail(f"there is no file {path}")
    data = path.read_bytes()
    if path.suffix == ".py":
        files = {path.name: data}
        return Package(name or path.stem, "0", FILE, files, licence_of(files))
    try:
        files = _zip(data) if zipfile.is_zipfile(io.BytesIO(data)) else _tar(data)
    except (tarfile.TarError, zipfile.BadZipFile, OSError):
        what = f"{path.name} is not a wheel, a source distribution or a module"
        raise fail(what, "give a .whl, .tar.gz, .zip or .py file, or a folder") from None
    package = of_files(files, name or path.name.split("-")[0])
    # A distribution that was fetched elsewhere is the same as one that pip fetches here.
    is_distribution = _plain(str(_about(files)["Name"])) == _plain(name or package.name)
    return replace(package, source=PYPI) if is_distribution else package


def _plain(name: str) -> str:
    """A name of PyPI in the one form that all its spellings have."""
    return re.sub(r"[-_.]+", "-", name).lower()


def of_files(files: dict[str, bytes], name: str) -> Package:
    """Return the library in the files of a distribution, which ``name`` calls it if it has none."""
    about = _about(files)
    name = about["Name"] or name
    modules = chosen(name, _without_metadata(files), _packages(files))
    licence = _licence(about) or licence_of(modules)
    needs = tuple(about.get_all("Requires-Dist") or ())
    version = about["Version"] or _of_manifest(files)
    return Package(name, version, FILE, modules, licence, needs)


def _of_manifest(files: dict[str, bytes]) -> str:
    """The version that a folder of micropython-lib states: ``metadata(version="0.6.2")``."""
    text = files.get("manifest.py", b"").decode(errors="replace")
    match = re.search(r"""version\s*=\s*["']([\w.]+)["']""", text)
    return match[1] if match else "0"


def installed(name: str, version: str = "") -> Package | None:
    """Return the library as it is installed next to torpor, or None if it is not.

    With a ``version``, only in that version.
    """
    try:
        found = metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None
    if version and found.version != version:
        return None
    paths = [path for path in found.files or () if ".." not in path.parts]
    files = {p.as_posix(): p.read_binary() for p in paths if Path(str(p.locate())).is_file()}
    return of_files(files, name)


def _zip(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [each.filename for each in archive.infolist() if not each.is_dir()]
        return _unnested({name: archive.read(name) for name in names})


def _tar(data: bytes) -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content:
                found[member.name] = content.read()
    return _unnested(found)


def _unnested(files: dict[str, bytes]) -> dict[str, bytes]:
    """Strip the folder that holds all files of a source distribution."""
    tops = {name.partition("/")[0] for name in files}
    top = next(iter(tops)) if len(tops) == 1 else ""
    is_distribution = f"{top}/PKG-INFO" in files or f"{top}/pyproject.toml" in files
    is_distribution = is_distribution or f"{top}/setup.py" in files or "-" in top
    if not top or not is_distribution:
        return files
    return {name.partition("/")[2]: data for name, data in files.items() if "/" in name}


def _about(files: dict[str, bytes]) -> Message:
    """The metadata of a distribution; empty if there is none."""
    for name in sorted(files, key=lambda each: each.count("/")):
        if name.endswith((".dist-info/METADATA", "PKG-INFO")):
            return Parser().parsestr(files[name].decode(errors="replace"), headersonly=True)
    return Message()


def _packages(files: dict[str, bytes]) -> list[str]:
    for name, data in files.items():
        if name.endswith("-info/top_level.txt"):
            return data.decode(errors="replace").split()
    return []


def _without_metadata(files: dict[str, bytes]) -> dict[str, bytes]:
    endings = (".dist-info", ".egg-info", ".data")
    return {n: d for n, d in files.items() if not n.partition("/")[0].endswith(endings)}


def _licence(about: Message) -> str:
    named = str(about["License-Expression"] or about["License"] or "").strip()
    if named and named != "UNKNOWN" and len(named) < 40:
        return named
    for each in about.get_all("Classifier") or ():
        if str(each).startswith(_LICENCE):
            return str(each).rpartition(" :: ")[2]
    return ""
