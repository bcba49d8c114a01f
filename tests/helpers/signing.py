"""A signing key for tests, made once per run, because that takes up to a second."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from torpor_tools.update import keys

PASSPHRASE = "only for the tests"


def project(number: int = 0) -> Path:
    """Return a folder with ``signing.pem`` and ``signing.pub``; each number has its own."""
    return _project(number)


@cache
def _project(number: int) -> Path:
    root = Path(mkdtemp(prefix=f"signing-{number}-"))
    keys.create(root, PASSPHRASE)
    return root


def add_key(root: Path, number: int = 0) -> None:
    """Give the project in ``root`` the key with that number."""
    for name in (keys.PRIVATE, "signing.pub"):
        (root / name).write_bytes((project(number) / name).read_bytes())


def signer(number: int = 0) -> keys.Signer:
    return keys.Signer(project(number), lambda: PASSPHRASE)
