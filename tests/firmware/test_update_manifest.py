"""The manifest of an update in MicroPython: genuine ones are accepted, others are refused."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from tests.helpers import signing
from torpor_tools.errors import UserError
from torpor_tools.image.tree import LISTING, checksums
from torpor_tools.project.signers import MODULUS, public_keys
from torpor_tools.update.manifest import Manifest, Terms, manifest

ROOT = Path(__file__).parents[2]
MICROPYTHON = str(Path(sys.executable).with_name("micropython"))
PROGRAM = """
import io, json, sys
sys.path[:] = [%r, ".frozen"]
from binascii import unhexlify
from hashlib import sha256
from torpor.update import files, manifest
from torpor.update.signature import genuine
keys = unhexlify(open(sys.argv[2]).read())
for line in open(sys.argv[1]):
    text, signature = [unhexlify(part) for part in json.loads(line)]
    digest = sha256(text).digest()
    if not any(genuine(digest, signature, keys[n : n + 384]) for n in range(0, len(keys), 384)):
        print('"forged"')
        continue
    head = io.BytesIO(text)
    with open("head", "wb") as file:
        file.write(text)
    try:
        fields = manifest.head(head.readline)
        entries = [manifest.entry(line)[1:] for line in files.lines("head", head.tell())]
        print(json.dumps([fields["cluster"], fields["counter"], fields["firmware"], entries]))
    except ValueError as e:
        print('"invalid"')
"""
FILES = {"boot.py": b"b", "main.py": b"", "services/a é.mpy": bytes(5000), "secrets.json": b"{}"}
FILES[LISTING] = checksums(FILES)


def verdicts(cases: Sequence[tuple[bytes, bytes]], keys: bytes, folder: Path) -> list[object]:
    """Return the device's answers to pairs of manifest and signature."""
    lines = (json.dumps([text.hex(), signature.hex()]) + "\n" for text, signature in cases)
    (folder / "cases").write_text("".join(lines))
    (folder / "keys").write_text(keys.hex())
    (folder / "program.py").write_text(PROGRAM % str(ROOT / "firmware"))
    done = subprocess.run(
        [MICROPYTHON, str(folder / "program.py"), str(folder / "cases"), str(folder / "keys")],
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-500:] + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def written() -> Manifest:
    return manifest(Terms("test", "box", 1764370000, "1.27.0"), FILES)


@pytest.fixture(scope="module")
def keys() -> bytes:
    return b"".join(public_keys(signing.project()))


def test_a_genuine_manifest_is_read(keys: bytes, tmp_path: Path) -> None:
    text = written().text
    [found] = verdicts([(text, signing.signer().sign(text))], keys, tmp_path)
    sizes = [[len(FILES[path]), path] for path in sorted(FILES) if path != "secrets.json"]
    assert found == ["test", 1764370000, [1, 27, 0], sizes]


def test_services_whose_data_is_dropped_are_read(keys: bytes, tmp_path: Path) -> None:
    text = manifest(Terms("test", "box", 1764370000, "1.27.0"), FILES, ("notes", "log")).text
    assert b"\ndrop=notes,log\n\n" in text
    [found] = verdicts([(text, signing.signer().sign(text))], keys, tmp_path)
    assert found not in ("forged", "invalid")


def test_either_of_two_keys_may_sign(keys: bytes, tmp_path: Path) -> None:
    text = written().text
    both = keys + b"".join(public_keys(signing.project(1)))
    cases = [(text, signing.signer(n).sign(text)) for n in (0, 1)]
    assert "forged" not in verdicts(cases, both, tmp_path)
    assert verdicts(cases, keys, tmp_path)[1] == "forged"
    assert verdicts(cases, b"", tmp_path) == ["forged", "forged"]
    assert verdicts(cases, keys[:-1], tmp_path) == ["forged", "forged"]


def forged(text: bytes, signature: bytes, modulus: bytes) -> Iterator[tuple[bytes, bytes]]:
    draw = random.Random(21)
    for at in range(len(text)):
        yield text[:at] + bytes([text[at] ^ 1 << draw.randrange(8)]) + text[at + 1 :], signature
    for at in range(len(signature)):
        bit = bytes([signature[at] ^ 1 << draw.randrange(8)])
        yield text, signature[:at] + bit + signature[at + 1 :]
    for cut in (0, 1, 100, MODULUS - 1):
        yield text, signature[:cut]
        yield text[:cut], signature
    yield text, signature + b"\0"
    yield text, b"\0" + signature
    n, s = int.from_bytes(modulus, "big"), int.from_bytes(signature, "big")
    for number in (0, 1, n - 1, n - s):
        yield text, number.to_bytes(MODULUS, "big")
    if s + n < 1 << 8 * MODULUS:
        yield text, (s + n).to_bytes(MODULUS, "big")
    yield text + b"\n", signature
    yield text, signing.signer(1).sign(text)
    # A message whose padding ends early, as in Bleichenbacher's forgery for e = 3: the cube root of
    # one is easy to find there, so a verifier must not accept it for any e.
    yield text, sha256(text).digest() + signature[32:]


def test_altered_manifests_are_not_genuine(keys: bytes, tmp_path: Path) -> None:
    text = written().text
    cases = list(forged(text, signing.signer().sign(text), keys))
    assert len(cases) > 800
    assert verdicts(cases, keys, tmp_path) == ["forged"] * len(cases)


D = sha256(b"").hexdigest()
LINES = [
    b"", b"\n", b"x\n", D.encode(), f"{D} 1 a".encode(), f"{D} 1  \n".encode()[:-2] + b"\n",
    f"{D} -1 a\n".encode(), f"{D} +1 a\n".encode(), f"{D} 01 a\n".encode(), f"{D} 1.0 a\n".encode(),
    f"{D} 1_0 a\n".encode(), f"{D} 0x1 a\n".encode(), f"{D}  a\n".encode(), f"{D} 1 \n".encode(),
    f"{D} 99999999 a\n".encode(), f"{D} 123456789 a\n".encode(), f"{D} 16777217 a\n".encode(),
    f"{D[:-1]} 1 a\n".encode(), f"{D}0 1 a\n".encode(), f"{D[:-1]}g 1 a\n".encode(),
    f"{D.upper()} 1 a\n".encode(), f"{D} 1 /a\n".encode(), f"{D} 1 a/\n".encode(),
    f"{D} 1 a//b\n".encode(), f"{D} 1 ../a\n".encode(), f"{D} 1 a/../b\n".encode(),
    f"{D} 1 .new/update\n".encode(), f"{D} 1 .trial\n".encode(), f"{D} 1 a/.b\n".encode(),
    f"{D} 1 data/notes/_\n".encode(), f"{D} 1 data\n".encode(), f"{D} 1 secrets.json\n".encode(),
    f"{D} 1 a\tb\n".encode(), f"{D} 1 a\rb\n".encode(), f"{D} 1 a\0\n".encode(),
    f"{D} 1 {'a' * 173}\n".encode(), f"{D} 1 a\x7f\n".encode(),
    f"{D} 1 {'a' * 300}\n".encode(), f"{D} 1 ".encode() + b"\xff\n",
]  # fmt: skip
HEADS = [
    (b"torpor-update 1\n", b"torpor-update 2\n"), (b"torpor-update 1\n", b""),
    (b"cluster=test\n", b""), (b"cluster=test\n", b"cluster=\n"), (b"cluster=", b"cluster "),
    (b"cluster=test\nboard=box\n", b"board=box\ncluster=test\n"), (b"\nboard", b"\n board"),
    (b"board=box\n", b"board=box\nboard=box\n"), (b"build=", b"build=0"), (b"build=", b"build=zz"),
    (b"counter=1", b"counter=-1"), (b"counter=1", b"counter= 1"), (b"counter=1", b"counter=0"),
    (b"counter=1764370000", b"counter=1764370000000"), (b"counter=1764370000", b"counter=1e9"),
    (b"firmware=1.27.0", b"firmware=1.27"), (b"firmware=1.27.0", b"firmware=1.27.0.1"),
    (b"firmware=1.27.0", b"firmware=v1.27.0"), (b"confirm=60", b"confirm=six"),
    (b"confirm=60\n\n", b"confirm=60\n"), (b"confirm=60\n\n", b"confirm=60\nmore=1\n\n"),
    (b"\n", b"\r\n"), (b"confirm=60\n\n", b"drop=a\nconfirm=60\n\n"),
    *((b"=60\n\n", b"=60\ndrop=" + names) for names in (
        b"\n\n", b"a/b\n\n", b"..\n\n", b"a,\n\n", b"a\n", b"a\ndrop=b\n\n", b"a\r\n\n",
    )),
]  # fmt: skip


def test_signed_but_invalid_manifests_are_refused(keys: bytes, tmp_path: Path) -> None:
    text = written().text
    head = text[: text.index(b"\n\n") + 2]
    texts = [head + line for line in LINES if line]
    for right, wrong in HEADS:
        assert right in text
        texts.append(text.replace(right, wrong, 1))
    texts += [text[:cut] for cut in range(len(head)) if cut % 9 == 0]
    signer = signing.signer()
    found = verdicts([(each, signer.sign(each)) for each in texts], keys, tmp_path)
    accepted = [each for each, verdict in zip(texts, found, strict=True) if verdict != "invalid"]
    assert accepted == []


@pytest.mark.parametrize("path", ["a\nb", "x/../y", ".hidden", "a//b", "n" * 250])
def test_a_name_that_cannot_be_sent(path: str) -> None:
    with pytest.raises(UserError, match="cannot be part of an update"):
        manifest(Terms("test", "box", 1, "1.27.0"), {path: b"", LISTING: b""})


def test_too_many_files_are_reported() -> None:
    many = {f"services/a/static/{n}.bin": b"" for n in range(500)}
    with pytest.raises(UserError, match=r"50\d files has"):
        manifest(Terms("test", "box", 1, "1.27.0"), {**many, LISTING: b""})
