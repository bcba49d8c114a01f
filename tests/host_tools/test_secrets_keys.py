"""The cluster's keys: created, changed, checked, and required when calls need them."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.helpers.several import write_boards
from torpor_tools.cli import run
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError
from torpor_tools.link import build
from torpor_tools.project.secrets import KEYS_VARIABLE, cluster_keys, secret_files

A = "from services.b import B\nfrom torpor import Service\n\n\nclass A(Service):\n    b: B\n"
B = (
    "from torpor import Service\n\n\nclass B(Service):\n"
    "    async def say(self) -> int:\n        return 1\n"
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv(KEYS_VARIABLE, raising=False)
    (tmp_path / "cluster.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_init_makes_a_key_that_others_cannot_read(root: Path) -> None:
    assert run(["secrets", "init"]) == 0
    [key] = cluster_keys(root)
    assert len(key) == 32
    assert stat.S_IMODE((root / "secrets.toml").stat().st_mode) == 0o600
    message = json.loads(secret_files(root)["secrets.json"])
    assert message == {"keys": [key.hex()]}


def test_init_leaves_the_rest_of_the_file(root: Path) -> None:
    (root / "secrets.toml").write_text('# mine\n[wifi]\nssid = "net"  # the one upstairs\n')
    assert run(["secrets", "init"]) == 0
    text = (root / "secrets.toml").read_text()
    assert text.startswith('# mine\n[wifi]\nssid = "net"  # the one upstairs\n')
    assert json.loads(secret_files(root)["secrets.json"])["wifi"]["ssid"] == "net"


def test_init_replaces_no_key(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["secrets", "init"])
    before = (root / "secrets.toml").read_text()
    assert run(["secrets", "init"]) == 1
    assert "to change it: torpor secrets rotate" in capsys.readouterr().err
    assert (root / "secrets.toml").read_text() == before


def test_a_key_is_shown_by_no_command(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["init"], ["rotate"], ["rotate"], ["rotate", "--finish"]):
        run(["secrets", *words])
        shown = "".join(capsys.readouterr())
        assert not [key for key in cluster_keys(root) if key.hex() in shown]


def test_a_change_has_two_keys_for_a_while(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["secrets", "rotate"]) == 1
    assert "make one: torpor secrets init" in capsys.readouterr().err
    run(["secrets", "init"])
    [old] = cluster_keys(root)
    assert run(["secrets", "rotate", "--finish"]) == 1
    assert run(["secrets", "rotate"]) == 0
    new, second = cluster_keys(root)
    assert second == old
    assert new != old
    assert run(["secrets", "rotate"]) == 1
    assert run(["secrets", "rotate", "--finish"]) == 0
    assert cluster_keys(root) == [new]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[cluster]\nkeys = ["abc"]\n', "a cluster's key is 64 hexadecimal digits"),
        ("[cluster]\nkeys = [3]\n", "a cluster's key is 64 hexadecimal digits"),
        (f'[cluster]\nkeys = ["{"ab" * 32}", "{"cd" * 32}", "{"ef" * 32}"]\n', "at most 2 keys"),
        ("[cluster]\nkey = 3\n", 'unknown key "key"'),
    ],
)
def test_invalid_keys(root: Path, text: str, what: str) -> None:
    (root / "secrets.toml").write_text(text)
    with pytest.raises(UserError, match=what) as caught:
        cluster_keys(root)
    assert "abc" not in str(caught.value)


def test_keys_of_the_environment(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYS_VARIABLE, f"{'ab' * 32} {'cd' * 32}")
    assert cluster_keys(root) == [bytes.fromhex("ab" * 32), bytes.fromhex("cd" * 32)]


def test_calls_between_boards_need_a_key(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_boards(root, {"a": A, "b": B}, {"one": ["a"], "two": ["b"]}, keys=())
    plan = load_plan(root)
    message = "a on one calls b on two: the cluster needs a key\n    make one, which git ignores"
    for board in ("one", "two"):
        with pytest.raises(UserError, match=f"{message}.*torpor secrets init"):
            build(plan, board, root / "build", types=False)
    assert run(["check", "--no-types"]) == 0
    shown = capsys.readouterr().err
    assert shown.count("the cluster needs a key") == 1
    assert f"note: torpor build also needs: {message}" in shown


@pytest.mark.parametrize(
    ("text", "what", "near"),
    [
        ('[wfi]\nssid = "net"\n', 'secrets.toml:1: unknown key "wfi"', "wifi"),
        ('[wifi]\nsid = "net"\n', 'secrets.toml:2: unknown key "sid"', "ssid"),
        ('[mailbox]\nuesr = "me"\n', 'secrets.toml:2: unknown key "uesr"', "user"),
    ],
)
def test_an_unknown_name_is_a_mistake(
    root: Path, text: str, what: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_boards(root, {"b": B}, {"one": ["b"]}, keys=())
    (root / "secrets.toml").write_text(text)
    for command in ("check", "build"):
        assert run([command, "--no-types"]) == 1
        assert capsys.readouterr().err.endswith(f'error: {what}\n    did you mean "{near}"?\n')


def test_a_board_without_wifi_is_noted(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TORPOR_WIFI_SSID", raising=False)
    write_boards(root, {"b": B}, {"one": ["b"]}, keys=())
    message = "note: one has no [wifi]: add it to secrets.toml or set TORPOR_WIFI_SSID\n"
    for command in ("check", "build"):
        assert run([command, "--no-types"]) == 0
        assert message in capsys.readouterr().err
    (root / "other.uf2").write_bytes(b"not a firmware")
    assert run(["flash", "--no-types", "--firmware", "other.uf2"]) == 1
    assert capsys.readouterr().err.index(message) == 0  # before anything is erased
    monkeypatch.setenv("TORPOR_WIFI_SSID", "net")
    assert run(["check", "--no-types"]) == 0
    assert "[wifi]" not in capsys.readouterr().err


def test_without_another_board_the_code_for_calls_is_not_linked(root: Path) -> None:
    write_boards(root, {"a": A, "b": B}, {"one": ["a", "b"]}, keys=())
    image = build(load_plan(root), "one", root / "build", types=False)
    names = [row.name for row in image.sizes.rows]
    assert not [name for name in names if "rpc" in name or "deadline" in name or "stubs" in name]


def test_a_board_that_only_answers_has_no_client(root: Path) -> None:
    write_boards(root, {"a": A, "b": B}, {"one": ["a"], "two": ["b"]})
    plan = load_plan(root)
    names = [row.name for row in build(plan, "two", root / "build", types=False).sizes.rows]
    assert "torpor.rpc.serve" in names
    assert "torpor.rpc.client" not in names
    names = [row.name for row in build(plan, "one", root / "build", types=False).sizes.rows]
    assert "torpor.rpc.client" in names
