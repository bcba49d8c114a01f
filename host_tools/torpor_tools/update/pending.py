"""An update that the broker holds for a board that sleeps, and the gateway's report about it.

Both are retained messages, so they survive the gateway: the update under
``torpor/<cluster>/<board>/update``, the report under ``torpor/<cluster>/<board>/report``.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from typing import Any

from ..errors import fail
from .manifest import Manifest, parse

MOST = 900_000  # bytes; a nats-server accepts messages of up to 1 MiB
_EXPONENT = 65537
# DigestInfo of SHA-256: RFC 8017, 9.2, note 1.
_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


@dataclass(frozen=True)
class Held:
    """A signed update: its manifest, the signature, and the image's files."""

    manifest: Manifest
    signature: bytes
    files: Mapping[str, bytes]

    def packed(self) -> bytes:
        """Return the message for the broker. Raises ``UserError`` if it is too large."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("manifest", self.manifest.text)
            archive.writestr("signature", self.signature)
            for line in self.manifest.lines:
                archive.writestr(f"fs/{line.path}", self.files[line.path])
        data = buffer.getvalue()
        if len(data) > MOST:
            raise fail(
                f"the update has {len(data):,} bytes, and a broker holds one of {MOST:,}",
                "torpor deploy updates the board over USB",
            )
        return data


def unpacked(data: bytes, keys: Sequence[bytes]) -> Held:
    """Read an update that is signed with one of the keys. Raises ``ValueError``."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = [name for name in archive.namelist() if name.startswith("fs/")]
            if sum(archive.getinfo(name).file_size for name in names) > 1 << 24:
                raise ValueError("its files are too large")
            text, signature = archive.read("manifest"), archive.read("signature")
            files = {name[3:]: archive.read(name) for name in names}
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError) as error:
        raise ValueError(f"it cannot be read: {error}") from None
    if not is_genuine(text, signature, keys):
        raise ValueError("it is not signed with a key of signing.pub")
    manifest = parse(text)
    for line in manifest.lines:
        if sha256(files.get(line.path, b"-")).hexdigest() != line.digest:
            raise ValueError(f"{line.path} is not what was signed")
    return Held(manifest, signature, files)


def is_genuine(data: bytes, signature: bytes, keys: Sequence[bytes]) -> bool:
    """Return whether one of the keys signed the data, as boards check it.

    So a gateway does not need a cryptography package.
    """
    for key in keys:
        modulus = int.from_bytes(key)
        padding = b"\x00\x01" + b"\xff" * (len(key) - 3 - len(_PREFIX) - 32) + b"\x00"
        expected = padding + _PREFIX + sha256(data).digest()
        number = int.from_bytes(signature)
        fits = len(signature) == len(key) and number < modulus
        if fits and pow(number, _EXPONENT, modulus) == int.from_bytes(expected):
            return True
    return False


@dataclass(frozen=True)
class Pending:
    """An update that a gateway is sending to a board."""

    build: str
    counter: int
    since: float  # Unix time at which the gateway took it
    step: str = "waits for the board to wake"
    sent: int = 0  # bytes of files that the board has
    total: int = 0  # bytes of files that differ; 0: not known yet


@dataclass(frozen=True)
class Report:
    """The state of a board that sleeps.

    Attributes:
        at: When the board last answered a call, in Unix time; 0: never.
        status: Its answer to the step ``status``; empty if it has never answered.
        files: Path -> SHA-256 of the image's files.
        migrations: Service -> how many migrations its data has had.
        pending: The update in progress, if any.
        failed: ``build``, ``counter``, ``reason`` and ``at`` of the last update that failed.
        keyless: Whether the board's image was built without signing.pub, so it accepts no updates.
        refused: ``sha256``, ``reason`` and ``at`` of a message that the gateway has not taken as an
            update, if it was the last one.
    """

    at: float = 0.0
    status: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    migrations: Mapping[str, int] = field(default_factory=dict)
    pending: Pending | None = None
    failed: Mapping[str, Any] | None = None
    refused: Mapping[str, Any] | None = None
    keyless: bool = False

    def packed(self) -> bytes:
        """Return the message for the broker."""
        return json.dumps(asdict(self)).encode()


def report(data: bytes) -> Report:
    """Read a report. Raises ``ValueError``."""
    values = json.loads(data)
    if not isinstance(values, dict):
        raise ValueError("not a report")
    try:
        known = {each.name: values[each.name] for each in fields(Report) if each.name in values}
        if known.get("pending"):
            known["pending"] = Pending(**known["pending"])
        return Report(**known)
    except (TypeError, KeyError) as error:
        raise ValueError(f"not a report: {error}") from None
