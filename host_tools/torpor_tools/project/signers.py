"""``signing.pub``: the public keys with which boards verify updates.

It belongs in the repository, because every build puts the keys into the images. A line is
``rsa3072 <the modulus in hexadecimal>``; the exponent is always 65537. Reading it needs no package
for cryptography.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from ..errors import Problem, UserError, Where
from ..text import read_text

NAME = "signing.pub"
MODULUS = 384  # bytes
MOST_SIGNERS = 2  # while the key is being changed
_LINE = re.compile(rf"rsa3072 ([0-9a-f]{{{2 * MODULUS}}})")
_COMMENT = "# The public keys of torpor update. Commit this file; boards know these keys.\n"


def public_keys(root: Path) -> list[bytes]:
    """The moduli in ``root/signing.pub``; none if there is no such file. Raises ``UserError``."""
    path = root / NAME
    if not path.is_file():
        return []
    problems: list[Problem] = []
    keys: list[bytes] = []
    remedy = "take the file from your repository, or make a key: torpor secrets signing-key"
    for number, line in enumerate(read_text(path, NAME).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        key = bytes.fromhex(match[1]) if match else b""
        if not key or not key[0] & 0x80 or not key[-1] & 1:
            problems.append(Problem(Where(NAME, number), "not a public RSA-3072 key", remedy))
        else:
            keys.append(key)
    if not problems and not 0 < len(keys) <= MOST_SIGNERS:
        what = f"{len(keys)} public keys; a project has one, or two while it is changed"
        problems.append(Problem(Where(NAME), what, remedy))
    if problems:
        raise UserError(problems)
    return keys


def write_public_keys(root: Path, keys: Sequence[bytes]) -> None:
    """Replace ``root/signing.pub``."""
    lines = [f"rsa3072 {key.hex()}\n" for key in keys]
    (root / NAME).write_text(_COMMENT + "".join(lines), encoding="utf-8", newline="\n")
