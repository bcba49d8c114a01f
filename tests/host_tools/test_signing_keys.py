"""The project's signing key: created, changed, read from the environment, used in a build."""

from __future__ import annotations

import stat
from fnmatch import fnmatch
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.helpers import signing
from tests.helpers.running import write_cluster
from torpor_tools.cli import root as torpor
from torpor_tools.cli import secrets
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError
from torpor_tools.image.tree import read_tree
from torpor_tools.link import build
from torpor_tools.model.image import Image
from torpor_tools.project.signers import MODULUS, public_keys
from torpor_tools.update import history
from torpor_tools.update.keys import (
    IGNORED,
    KEY_VARIABLE,
    NEXT,
    PASSPHRASE_VARIABLE,
    PRIVATE,
    RETIRED,
    Signer,
)
from torpor_tools.update.manifest import build_id

SERVICE = """
from torpor import Service, get


class Hello(Service):
    @get("/hello")
    async def hello(self) -> str:
        return "hello"

    @get("/health")
    async def fine(self) -> bool:
        return True

    async def healthy(self) -> bool:
        return True
"""


def tool(root: Path, *words: str, given: str | None = None) -> Result:
    (root / "cluster.toml").touch()
    line = ["-C", str(root), "secrets", "signing-key", *words]
    return CliRunner().invoke(torpor, line, input=given)


def ask() -> str:
    return signing.PASSPHRASE


def test_a_key_is_created_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "a long passphrase")
    made = tool(tmp_path)
    assert made.exit_code == 0, repr(made.exception)
    private = tmp_path / PRIVATE
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert b"ENCRYPTED" in private.read_bytes()
    [key] = public_keys(tmp_path)
    assert len(key) == MODULUS
    assert len(Signer(tmp_path, ask).sign(b"text")) == MODULUS
    assert Signer(tmp_path, ask).sign(b"text") == Signer(tmp_path, ask).sign(b"text")
    again = tool(tmp_path)
    assert "has a signing key already" in str(again.exception)
    assert public_keys(tmp_path) == [key]
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "another")
    with pytest.raises(UserError, match="cannot be read"):
        Signer(tmp_path, ask)


def test_a_key_without_a_passphrase_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "")
    assert "needs a passphrase" in str(tool(tmp_path).exception)
    monkeypatch.setenv(PASSPHRASE_VARIABLE, "14 characters!")
    refused = str(tool(tmp_path).exception)
    assert "the passphrase has 14 characters, and must have at least 15" in refused
    monkeypatch.delenv(PASSPHRASE_VARIABLE)
    nobody = str(tool(tmp_path).exception)
    assert "there is no terminal to ask for the passphrase" in nobody
    assert f"put it into {PASSPHRASE_VARIABLE}" in nobody
    assert not list(tmp_path.glob("signing*"))
    assert not (tmp_path / PRIVATE).exists()
    assert not public_keys(tmp_path)


def test_a_key_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signing.add_key(tmp_path)
    monkeypatch.setenv(PASSPHRASE_VARIABLE, signing.PASSPHRASE)
    [old] = public_keys(tmp_path)
    assert "no change of the signing key" in str(tool(tmp_path, "--finish").exception)
    assert tool(tmp_path, "--rotate").exit_code == 0
    first, new = public_keys(tmp_path)
    assert first == old
    signature = Signer(tmp_path, ask).sign(b"text")  # boards know only the old key so far
    assert signature == signing.signer().sign(b"text")
    assert "a change of the signing key is under way" in str(tool(tmp_path, "--rotate").exception)
    assert tool(tmp_path, "--finish", "--yes").exit_code == 0
    assert public_keys(tmp_path) == [new]
    assert Signer(tmp_path, ask).sign(b"text") != signature
    assert not (tmp_path / NEXT).exists()


def test_the_old_key_is_kept_and_retired_only_after_a_confirmation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signing.add_key(tmp_path)
    monkeypatch.setenv(PASSPHRASE_VARIABLE, signing.PASSPHRASE)
    old = (tmp_path / PRIVATE).read_bytes()
    assert tool(tmp_path, "--rotate").exit_code == 0
    both = public_keys(tmp_path)
    asked = tool(tmp_path, "--finish")
    assert "does not know the new key" in " ".join(asked.stderr.split())
    assert "--finish needs a confirmation" in str(asked.exception)
    assert "--finish --yes" in str(asked.exception)
    with monkeypatch.context() as patched:
        patched.setattr(secrets, "_has_terminal", lambda: True)
        assert tool(tmp_path, "--finish", given="n\n").exit_code
        assert public_keys(tmp_path) == both
        assert (tmp_path / PRIVATE).read_bytes() == old
        done = tool(tmp_path, "--finish", given="y\n")
    assert done.exit_code == 0, repr(done.exception)
    assert "torpor update BOARD --key signing-retired.pem" in done.output
    retired = tmp_path / RETIRED
    assert retired.read_bytes() == old
    assert fnmatch(RETIRED, IGNORED)
    assert Signer(tmp_path, ask, retired).sign(b"a") == signing.signer().sign(b"a")
    assert tool(tmp_path, "--rotate").exit_code == 0
    assert "signing-retired-2.pem" in tool(tmp_path, "--finish", "--yes").output
    assert retired.read_bytes() == old


def test_half_a_key_is_an_error_with_a_remedy_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signing.add_key(tmp_path)
    monkeypatch.setenv(PASSPHRASE_VARIABLE, signing.PASSPHRASE)
    private, public = (tmp_path / name for name in (PRIVATE, "signing.pub"))
    text = public.read_bytes()
    public.unlink()
    for words in ((), ("--rotate",)):
        assert "take signing.pub from your repository" in str(tool(tmp_path, *words).exception)
    public.write_bytes(text)
    private.unlink()
    with pytest.raises(UserError, match=r"If it is lost, delete signing\.pub"):
        Signer(tmp_path, ask)
    public.unlink()
    assert tool(tmp_path).exit_code == 0


def test_the_environment_gives_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signing.add_key(tmp_path)
    text = (tmp_path / PRIVATE).read_text()
    (tmp_path / PRIVATE).unlink()
    with pytest.raises(UserError, match=r"there is no signing\.pem"):
        Signer(tmp_path, ask)
    monkeypatch.setenv(KEY_VARIABLE, text)
    assert Signer(tmp_path, ask).sign(b"a") == signing.signer().sign(b"a")
    monkeypatch.setenv(KEY_VARIABLE, (signing.project(1) / PRIVATE).read_text())
    with pytest.raises(UserError, match=r"not one of those in signing\.pub"):
        Signer(tmp_path, ask)
    monkeypatch.setenv(KEY_VARIABLE, "not a key")
    with pytest.raises(UserError, match="cannot be read"):
        Signer(tmp_path, ask)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("rsa3072 " + "ff" * 383 + "\n", 1),
        ("# a comment\n\nrsa3072 7f" + "ff" * 383 + "\n", 3),
        ("rsa3072 " + "ff" * 383 + "fe\n", 1),
        ("rsa2048 " + "ff" * 384 + "\n", 1),
        ("-----BEGIN PUBLIC KEY-----\n", 1),
    ],
)
def test_a_public_key_that_is_not_one(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "signing.pub").write_text(text)
    with pytest.raises(UserError, match=rf"signing\.pub:{line}: not a public RSA-3072 key"):
        public_keys(tmp_path)


def test_three_public_keys_are_too_many(tmp_path: Path) -> None:
    (tmp_path / "signing.pub").write_text(("rsa3072 " + "ff" * 384 + "\n") * 3)
    with pytest.raises(UserError, match="3 public keys"):
        public_keys(tmp_path)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    root = write_cluster(tmp_path / "project", {"hello": SERVICE})
    (root / "secrets.toml").write_text(f'[cluster]\nkeys = ["{"8f" * 32}"]\n')
    return root


def files(root: Path, production: bool = False) -> dict[str, bytes]:
    tree = build(load_plan(root), "box", root / "build", types=False, production=production).tree
    return {str(p.relative_to(tree)): p.read_bytes() for p in tree.rglob("*") if p.is_file()}


def test_only_an_image_of_a_project_with_both_keys_accepts_updates(project: Path) -> None:
    assert not [name for name in files(project) if "update" in name or "slots" in name]
    signing.add_key(project)
    image = files(project)
    assert image["signing.pub"] == public_keys(project)[0]
    assert {"slots.mpy", "torpor/update/__init__.mpy", "torpor/update/trial.mpy"} <= image.keys()
    assert b"slots.begin()" in image["boot.py"]
    wiring = (project / "build/box/cluster.py").read_text()
    assert 'HEALTH = (("hello", "fine"), ("hello", "healthy"))' in wiring
    closed = files(project, production=True)
    assert b"slots.failed" in closed["main.py"]
    assert b"kbd_intr(-1)" in closed["main.py"]
    compile(closed["main.py"], "main.py", "exec")
    compile(closed["boot.py"], "boot.py", "exec")
    (project / "secrets.toml").unlink()
    assert "signing.pub" not in files(project)


def test_a_board_may_stay_without_updates(project: Path) -> None:
    signing.add_key(project)
    config = project / "cluster.toml"
    config.write_text(config.read_text().replace("[services", "update = false\n\n[services", 1))
    assert "signing.pub" not in files(project)


def test_no_room_for_updates_is_an_error_with_the_numbers(project: Path) -> None:
    signing.add_key(project)
    static = project / "services/hello/static"
    static.mkdir()
    (static / "large.bin").write_bytes(bytes(560_000))
    with pytest.raises(UserError, match=r"takes \d+,\d+ of the 868,352 bytes .* leaves [\d,]+"):
        files(project)
    config = project / "cluster.toml"
    config.write_text(config.read_text().replace("[services", "update = false\n\n[services", 1))
    files(project)


def test_a_build_reports_when_two_complete_images_do_not_fit(project: Path) -> None:
    signing.add_key(project)
    build_it = ["-C", str(project), "build", "--no-types"]
    assert "changes every file" not in CliRunner().invoke(torpor, build_it).output
    static = project / "services/hello/static"
    static.mkdir()
    (static / "large.bin").write_bytes(bytes(390_000))
    result = CliRunner().invoke(torpor, build_it)
    output = result.output
    assert "an update that changes every file needs 1," in output, result


def test_images_put_on_a_board_over_usb_are_kept_for_a_rollback(project: Path) -> None:
    def built() -> Image:
        return build(load_plan(project), "box", project / "build", types=False)

    history.keep_updated(built(), project)
    assert history.builds(project, "box") == []
    signing.add_key(project)
    first = built()
    ids = [build_id(read_tree(first.tree))]
    history.keep_updated(first, project)
    source = project / "services/hello/__init__.py"
    for number in range(10):
        source.write_text(SERVICE.replace('"hello"', f'"hello {number}"'))
        image = built()
        ids.append(build_id(read_tree(image.tree)))
        history.keep_updated(image, project, production=True)
    assert [each.build for each in history.builds(project, "box")] == ids[:-9:-1]
    assert history.earlier(project, "box", ids[-1], None).build == ids[-2]
    assert history.earlier(project, "box", ids[-1], ids[-4][:6]).build == ids[-4]
    assert history.earlier(project, "box", ids[-1], None).production
    files = history.files_of(project, "box", ids[-1])
    assert files == {p: d for p, d in read_tree(image.tree).items() if p != "secrets.json"}
    with pytest.raises(UserError, match=f"no build {ids[0]} of box is kept"):
        history.earlier(project, "box", ids[-1], ids[0])
    with pytest.raises(UserError, match=f"box runs build {ids[-1]} already"):
        history.earlier(project, "box", ids[-1], ids[-1])
    with pytest.raises(UserError, match="--to has no build"):
        history.earlier(project, "box", ids[-1], "")


def test_a_kept_build_gets_the_present_public_keys(project: Path) -> None:
    signing.add_key(project)
    image = build(load_plan(project), "box", project / "build", types=False)
    history.keep(image, project)
    old = read_tree(image.tree)
    signing.add_key(project, 1)
    files = history.files_of(project, "box", build_id(old))
    [key] = public_keys(project)
    assert files["signing.pub"] == key != old["signing.pub"]
    changed = build(load_plan(project), "box", project / "build", types=False)
    assert build_id(files) == build_id(read_tree(changed.tree))
    with pytest.raises(UserError, match="no other build of box"):
        history.earlier(project, "box", build_id(files), None)
