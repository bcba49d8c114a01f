"""Creates, reads and changes the project's signing key.

``signing.pem`` has the private key, encrypted with a passphrase; ``signing.pub`` has the public
key, which is part of the images. In CI the environment has the key. During a change of the key,
``signing-next.pem`` is the new one: boards get it in an update that is signed with the old key.
After that ``signing-retired.pem`` is the old one: a board that missed that update knows only it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ..errors import UserError, fail
from ..project.signers import MODULUS, NAME, public_keys, write_public_keys
from ..suggest import counted

PRIVATE = "signing.pem"
NEXT = "signing-next.pem"
RETIRED = "signing-retired.pem"
IGNORED = "signing*.pem"  # what git must ignore
KEY_VARIABLE = "TORPOR_SIGNING_KEY"  # the text of a private key in PEM format
PASSPHRASE_VARIABLE = "TORPOR_SIGNING_PASSPHRASE"
# Of a password without a second factor: NIST SP 800-63B-4, 3.1.1.2. OpenSSL's format makes a guess
# cheap (PBKDF2 with 2,048 rounds), so the length has to make up for it.
LEAST_PASSPHRASE = 15  # characters
Ask = Callable[[], str]  # asks the user for the passphrase


def create(root: Path, passphrase: str) -> None:
    """Make the project's signing key. Raises ``UserError`` if there is one."""
    if public_keys(root):
        raise fail(
            f"the project has a signing key already ({NAME})",
            "to change it: torpor secrets signing-key --rotate",
        )
    if (root / PRIVATE).exists():
        raise _no_public_key()
    write_public_keys(root, [_new(root / PRIVATE, passphrase)])


def rotate(root: Path, passphrase: str) -> None:
    """Make a second key, which boards learn with the next update. Raises ``UserError``."""
    check_public_key(root)
    keys = public_keys(root)
    if len(keys) > 1 or (root / NEXT).exists():
        raise fail(
            "a change of the signing key is under way",
            "when every board is updated: torpor secrets signing-key --finish",
        )
    write_public_keys(root, [*keys, _new(root / NEXT, passphrase)])


def check_rotation(root: Path) -> None:
    """Check that the key is being changed. Raises ``UserError``."""
    if len(public_keys(root)) < 2 or not (root / NEXT).is_file():
        raise fail(
            "no change of the signing key is under way",
            "begin one: torpor secrets signing-key --rotate",
        )


def finish_rotation(root: Path) -> str:
    """Retire the old key, so that the new one signs. Raises ``UserError``.

    Returns:
        The name of the file that keeps the old key; empty if ``signing.pem`` was not here.
    """
    check_rotation(root)
    retired = ""
    if (root / PRIVATE).is_file():
        retired, number = RETIRED, 1
        while (root / retired).exists():
            number += 1
            retired = RETIRED.replace(".", f"-{number}.")
        os.replace(root / PRIVATE, root / retired)
    os.replace(root / NEXT, root / PRIVATE)
    write_public_keys(root, public_keys(root)[1:])
    return retired


def check_public_key(root: Path) -> None:
    """Check that the project has a public key. Raises ``UserError``."""
    if public_keys(root):
        return
    if (root / PRIVATE).exists():
        raise _no_public_key()
    raise fail(
        f"the project has no signing key ({NAME})",
        "make one: torpor secrets signing-key; then flash every board once",
    )


def _no_public_key() -> UserError:
    return fail(
        f"{PRIVATE} exists, but {NAME}, with which boards verify updates, is missing",
        f"take {NAME} from your repository. If it is lost, move {PRIVATE} away, make a new key:\n"
        "torpor secrets signing-key, and flash every board over USB",
    )


class Signer:
    """Signs with the project's private key.

    Args:
        root: The project's folder.
        ask: Asks the user for the passphrase, if the environment does not have it.
        file: A retired key, for boards that do not know the current one.

    Raises:
        UserError: There is no key, it cannot be read, or ``signing.pub`` does not have it.
    """

    def __init__(self, root: Path, ask: Ask, file: Path | None = None) -> None:
        if file:
            self._key = _load(file.read_bytes(), ask)
            return
        text = os.environ.get(KEY_VARIABLE, "")
        path = root / PRIVATE
        if not text and not path.is_file():
            check_public_key(root)
            raise fail(
                f"there is no {PRIVATE}, which signs updates",
                f"take it from the computer where it was made, or put its text into {KEY_VARIABLE}."
                f"\nIf it is lost, delete {NAME}, make a new key: torpor secrets signing-key, and "
                "flash\nevery board over USB",
            )
        self._key = _load(text.encode() or path.read_bytes(), ask)
        if _modulus(self._key) not in public_keys(root):
            raise fail(
                f"the private key is not one of those in {NAME}, which boards know",
                f"take {PRIVATE} and {NAME} from the same project; for a board that knows only a "
                "retired key:\ntorpor update BOARD --key FILE",
            )

    def sign(self, data: bytes) -> bytes:
        """Return the signature: RSASSA-PKCS1-v1_5 with SHA-256, the same for the same bytes."""
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _new(path: Path, passphrase: str) -> bytes:
    """Write a new private key, readable by its owner only; return its modulus."""
    if not passphrase:
        raise fail(
            "the signing key needs a passphrase", f"type one, or put it into {PASSPHRASE_VARIABLE}"
        )
    if len(passphrase) < LEAST_PASSPHRASE:
        raise fail(
            f"the passphrase has {counted(len(passphrase), 'character')}, and must have at least "
            f"{LEAST_PASSPHRASE}",
            "anyone who copies the file can try passphrases: use five random words",
        )
    key = rsa.generate_private_key(public_exponent=65537, key_size=8 * MODULUS)
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
    return _modulus(key)


def _load(text: bytes, ask: Ask) -> rsa.RSAPrivateKey:
    passphrase = os.environ.get(PASSPHRASE_VARIABLE) if b"ENCRYPTED" in text else None
    if passphrase is None and b"ENCRYPTED" in text:
        passphrase = ask()
    try:
        key = serialization.load_pem_private_key(text, passphrase.encode() if passphrase else None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise fail(
            "the signing key cannot be read",
            f"check the passphrase (or {PASSPHRASE_VARIABLE}); the key is a PEM file",
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey) or key.key_size != 8 * MODULUS:
        raise fail("the signing key is not an RSA-3072 key", "torpor secrets signing-key makes one")
    return key


def _modulus(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_numbers().n.to_bytes(MODULUS, "big")
