"""Fetches a library as MicroPython's ``mip`` does.

The index and ``package.json``: https://docs.micropython.org/en/latest/reference/packages.html
"""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

from ..errors import fail
from ..model.library import MIP, PYPI
from .package import Package, chosen, licence_of, sha256

INDEX = "https://micropython.org/pi/v2"
_TIMEOUT_S = 30
_HOSTS = {
    "github": "https://raw.githubusercontent.com/{owner}/{name}/{version}/{path}",
    "gitlab": "https://gitlab.com/{owner}/{name}/-/raw/{version}/{path}",
}
_NEWEST = {"github": "HEAD", "gitlab": "HEAD"}


def is_address(name: str) -> bool:
    """Return whether a library is named by an address: ``github:owner/name``, a URL."""
    return name.startswith(("github:", "gitlab:", "http://", "https://"))


def short_name(address: str) -> str:
    """Return what a project calls a library that an address names."""
    parts = [part for part in address.split("@")[0].split("/") if part]
    last = parts[-1]
    if last == "package.json":
        last = parts[-2]
    return last.removesuffix(".py").removesuffix(".json").replace(".", "-")


def fetch(name: str, version: str = "", index: str = INDEX) -> Package:
    """Return a library of the index, or the one that an address names.

    Args:
        name: Its name in the index (micropython-lib), or an address.
        version: Of the index, or a branch or tag; the newest by default.
        index: The address of the index.

    Raises:
        UserError: It cannot be fetched, or a file is not the one that the index lists.
    """
    if is_address(name):
        return _of_address(name, version, index)
    address = f"{index}/package/py/{name}/{version or 'latest'}.json"
    return _of_json(name, address, _json(name, address), version, index, MIP)


def _of_address(address: str, version: str, index: str) -> Package:
    plain, _, tag = address.partition("@") if not address.startswith("http") else (address, "", "")
    version = version or tag
    name = short_name(plain)
    if not plain.endswith((".py", ".json")):
        plain = plain.rstrip("/") + "/package.json"
    url = resolve(plain, version)
    if url.endswith(".py"):
        files = {urllib.parse.urlsplit(url).path.rpartition("/")[2]: _get(name, url)}
        return Package(name, version or "0", address, files, licence_of(files))
    return _of_json(name, url, _json(name, url), version, index, address)


def resolve(address: str, version: str = "") -> str:
    """Return the URL of ``github:owner/name/path`` and the like; a URL stays as it is."""
    host, _, place = address.partition(":")
    if host not in _HOSTS:
        return address
    place, _, tag = place.partition("@")
    owner, _, more = place.partition("/")
    name, _, path = more.partition("/")
    version = version or tag or _NEWEST[host]
    return _HOSTS[host].format(owner=owner, name=name, version=version, path=path)


def _of_json(
    name: str, url: str, about: dict[str, Any], version: str, index: str, source: str
) -> Package:
    files = {}
    try:
        for path, short in about.get("hashes", ()):
            files[path] = _hashed(name, index, path, short)
        for path, address in about.get("urls", ()):
            place = (
                resolve(address, version) if ":" in address else urllib.parse.urljoin(url, address)
            )
            files[path] = _get(name, place)
        needs = tuple(str(each[0]) for each in about.get("deps", ()))
        known = str(about.get("version") or version or "0")
    except (TypeError, ValueError, IndexError):
        raise fail(f"{name}: {url} is not a package.json of mip") from None
    modules = chosen(name, files)
    licence = str(about.get("license") or "") or licence_of(modules)
    return Package(name, known, source, modules, licence, needs)


def _hashed(name: str, index: str, path: str, short: str) -> bytes:
    data = _get(name, f"{index}/file/{short[:2]}/{short}")
    if not sha256(data).startswith(short):
        what = f"{name}: {path} in the index is not the listed one: its SHA-256 is not {short}..."
        raise fail(what, "try again later; the index may be changing")
    return data


def _json(name: str, url: str) -> dict[str, Any]:
    try:
        found = json.loads(_get(name, url))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise fail(f"{name}: {url} is not a package.json of mip")
    return found


def _get(name: str, url: str) -> bytes:
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as answer:
            data: bytes = answer.read()
            return data
    except urllib.error.HTTPError as error:
        remedy = f"check the name; for a package of PyPI: torpor add {PYPI}:{name}"
        raise fail(f"{name} cannot be fetched: {url} answers {error.code}", remedy) from None
    except (OSError, ValueError) as error:
        what = f"{name} cannot be fetched: {url} cannot be reached"
        what += f" ({getattr(error, 'reason', error)})"
        remedy = "copy its files here from a computer with a network, then: "
        raise fail(what, f"{remedy}torpor add {name} --from FILE") from None
