"""``heap_reserve``: the estimate of a board's heap, and images that leave too little of it."""

from __future__ import annotations

import os
import pty
from dataclasses import replace
from pathlib import Path

import pytest

import torpor_sim
from tests.helpers.bootsel import Bootsel
from tests.helpers.running import write_cluster
from torpor_sim import Weights
from torpor_tools.cli import run
from torpor_tools.cli.heap_check import check_heap
from torpor_tools.cli.heap_room import Room, low_heap, room_of
from torpor_tools.cli.weighed import weights_of
from torpor_tools.contracts import load_plan
from torpor_tools.errors import UserError, fail
from torpor_tools.link import build
from torpor_tools.model.image import Image
from torpor_tools.project import load_board

LARGE = """
from torpor import Service, get


class Large(Service):
    async def start(self) -> None:
        self._kept = bytearray(SIZE)

    @get("/")
    async def index(self) -> int:
        return len(self._kept)
"""
AT_BOOT = 4_064  # of the official firmware on the emulated Pico W, before anything is loaded


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    root = write_cluster(tmp_path_factory.mktemp("room"), {"large": LARGE.replace("SIZE", "10")})
    return build(load_plan(root), "box", root / "build", types=False)


@pytest.mark.parametrize(
    ("weighed", "names", "measured"),
    [
        (47_328, 634, 46_192),  # one empty service
        (75_328, 640, 62_300),  # one with 100 records and 8 kB of bytes
        (106_144, 1_330, 99_760),  # the sample, the dashboard not loaded
        (134_944, 1_319, 116_000),  # the sample, the dashboard loaded
    ],
)
def test_the_estimate_is_within_5_percent_of_the_emulated_pico(
    image: Image, weighed: int, names: int, measured: int
) -> None:
    """``measured``: bytes in use of the official firmware 1.27.0, November 2026."""
    room = room_of(image, Weights({"large": weighed}, {}, {}, 0, 0, names))
    used = AT_BOOT + sum(size for _, size in room.parts)
    assert abs(used / measured - 1) < 0.05, used


def test_services_that_start_on_request_count(image: Image) -> None:
    more = room_of(image, Weights({"large": 10_000}, {"large": 5_000}, {}, 0, 0, 600))
    less = room_of(image, Weights({"large": 10_000}, {}, {}, 0, 0, 600))
    assert less.free - more.free == 3_400


def test_the_table_shows_what_takes_the_heap(image: Image) -> None:
    room = Room((("large", 150_000), ("runtime modules", 7_000)), 194_560)
    problem = low_heap(image, room)
    assert problem
    assert str(problem).startswith("cluster.toml:4: box would have about 37,560 of 194,560 bytes")
    assert "(19 %) left, less than its heap_reserve of 25 %" in problem.what
    assert "\n      150,000  large\n        7,000  runtime modules" in problem.what
    assert not low_heap(image, Room((("large", 145_000),), 194_560))
    board = replace(image.board, heap_reserve=19)
    assert not low_heap(replace(image, board=board), room)


def test_the_build_refuses_an_image_that_leaves_too_little(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_cluster(tmp_path, {"large": LARGE.replace("SIZE", "190_000")})
    words = ["-C", str(root), "build", "--no-types"]
    assert run(words) == 1
    shown = capsys.readouterr()
    assert "less than its heap_reserve of 25 %" in shown.err
    assert "--allow-low-heap" in shown.err
    assert "large" in shown.err
    assert "is the file to flash" not in shown.out
    assert run([*words, "--allow-low-heap"]) == 0


@pytest.fixture
def too_large(tmp_path: Path) -> Path:
    return write_cluster(tmp_path / "project", {"large": LARGE.replace("SIZE", "190_000")})


def refused(root: Path, capsys: pytest.CaptureFixture[str], *words: str) -> None:
    assert run(["-C", str(root), *words, "--no-types"]) == 1
    output = capsys.readouterr().err
    assert "less than its heap_reserve of 25 %. What takes it:\n" in output
    assert "large\n" in output
    assert "--allow-low-heap accepts it" in output


def test_flash_refuses_it_and_writes_it_if_allowed(
    too_large: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("torpor_tools.cli.flash._USB_S", 0.1)
    with Bootsel(tmp_path / "RPI-RP2", load_board("RPI_PICO_W")) as box:
        words = ("flash", "--drive", str(box.path), "--no-wait")
        refused(too_large, capsys, *words)
        assert not list(box.path.glob("*.uf2"))
        assert run(["-C", str(too_large), *words, "--no-types", "--allow-low-heap"]) == 0
    assert box.taken


def test_deploy_refuses_it_and_sends_it_if_allowed(
    too_large: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(
        "torpor_tools.cli.deploy._deploy", lambda plan, image, *how: sent.append(image.board.name)
    )
    board, line = pty.openpty()
    words = ("deploy", "--port", os.ttyname(line))
    refused(too_large, capsys, *words)
    assert not sent
    assert run(["-C", str(too_large), *words, "--no-types", "--allow-low-heap"]) == 0
    assert sent == ["box"]
    os.close(board)
    os.close(line)


def test_export_refuses_it_and_writes_it_if_allowed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_cluster(tmp_path, {"large": LARGE.replace("SIZE", "1_900_000")})
    refused(root, capsys, "export", "large")
    assert not (root / "dist").exists()
    assert run(["-C", str(root), "export", "large", "--no-types", "--allow-low-heap"]) == 0
    assert (root / "dist" / "large" / "start.py").is_file()


def test_an_image_is_measured_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_cluster(tmp_path, {"large": LARGE})
    weighed: list[str] = []
    answer: Weights | UserError = Weights({"large": 10}, {}, {}, 0, 0, 600)

    def weigh(image: Image) -> Weights:
        weighed.append(image.board.name)
        if isinstance(answer, UserError):
            raise answer
        return answer

    def built(size: str) -> Image:
        (root / "services/large/__init__.py").write_text(LARGE.replace("SIZE", size))
        return build(load_plan(root), "box", root / "build", types=False)

    monkeypatch.setattr(torpor_sim, "weigh", weigh)
    image = built("10")
    assert weights_of(image, retry=True) == answer
    check_heap(built("10"), False)
    check_heap(built("10"), True)
    assert len(weighed) == 1
    answer = Weights({"large": 300_000}, {}, {}, 0, 0, 600)
    check_heap(built("11"), True)
    assert len(weighed) == 1, "nothing is weighed if any image is taken"
    for _ in range(2):
        with pytest.raises(UserError, match="less than its heap_reserve"):
            check_heap(image, False)
    assert len(weighed) == 2


def test_only_the_build_measures_a_failed_start_again(
    image: Image, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    weighed: list[str] = []

    def weigh(image: Image) -> Weights:
        weighed.append(image.board.name)
        raise fail("box did not become ready", "run it: torpor sim")

    monkeypatch.setattr(torpor_sim, "weigh", weigh)
    for number, again in enumerate((False, False, True), 1):
        assert weights_of(image, retry=again) is None
        assert capsys.readouterr().err.count("heap not measured: box did not become ready") == 1
        assert len(weighed) == (2 if again else 1), number
    check_heap(image, False)  # as before: an image that cannot be measured is not refused
    assert len(weighed) == 2


@pytest.mark.parametrize(("value", "wrong"), [("91", "got 91"), ("-1", "got -1"), ('"a"', '"a"')])
def test_a_reserve_out_of_range(
    tmp_path: Path, value: str, wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_cluster(tmp_path, {"large": LARGE.replace("SIZE", "10")})
    file = root / "cluster.toml"
    file.write_text(file.read_text().replace("services =", f"heap_reserve = {value}\nservices ="))
    assert run(["-C", str(root), "check", "--no-types"]) == 1
    shown = capsys.readouterr()
    assert "heap_reserve: expected" in shown.err + shown.out
    assert wrong in shown.err + shown.out
