"""The environment of the figures: linked images, running boards, floors, alternating rounds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self, TypeVar

import microdot

import torpor_sim
from tests.bench.load import Address
from tests.helpers.held import held_port
from tests.helpers.running import Running, running_images, write_cluster
from torpor_sim.facts import facts
from torpor_sim.flash import BoardFolder, starter, write_json
from torpor_sim.inputs import Inputs, defaults
from torpor_sim.ports import Ports
from torpor_tools.contracts import load_plan
from torpor_tools.link import build
from torpor_tools.model.image import Image

ROOT = Path(__file__).parents[2]
FLOORS = Path(__file__).parent / "floors"
HEAP = "190wK"  # in words: it holds as many objects as on a 32-bit chip
Side = Callable[[], float]
T = TypeVar("T")


class Lab:
    """Images and running programs for figures; ``with`` stops and removes them at the end."""

    rounds = 5

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        self._results: dict[Callable[[Lab], Any], Any] = {}
        self._boards: dict[Path, Running] = {}
        self._programs: dict[str, Address] = {}
        self._pids: dict[Address, int] = {}
        return self

    def __exit__(self, *raised: object) -> None:
        self._stack.close()

    def ratios(self, one: Side, other: Side) -> list[float]:
        """Return the ratio of ``one`` to ``other`` for each round; they take turns to run first."""
        one(), other()  # a warm-up round
        ratios = []
        for number in range(self.rounds):
            if number % 2:
                divisor = other()
                dividend = one()
            else:
                dividend = one()
                divisor = other()
            ratios.append(dividend / divisor)
        return ratios

    def once(self, make: Callable[[Lab], T]) -> T:
        """Return the result of ``make(lab)``, computed once for all figures that use it."""
        if make not in self._results:
            self._results[make] = make(self)
        result: T = self._results[make]
        return result

    # Images

    @cached_property
    def sample(self) -> Image:
        """The image of the sample cluster's board."""
        return self.image(ROOT)

    @cached_property
    def sample_with_all(self) -> Image:
        """The same image, except that all services start with the board."""
        plan = load_plan(ROOT)
        (board,) = plan.boards
        services = tuple(
            replace(s, entry=replace(s.entry, on_request=False)) for s in board.services
        )
        plan = replace(plan, boards=(replace(board, services=services),))
        return build(plan, board.name, Path(tempfile.mkdtemp(dir=self.folder)), types=False)

    def image(self, root: Path, **limits: Any) -> Image:
        """Link the one board of the cluster in ``root``; ``limits`` replace fields of its type."""
        plan = load_plan(root)
        (board,) = plan.boards
        plan = replace(plan, boards=(replace(board, board=replace(board.board, **limits)),))
        out = Path(tempfile.mkdtemp(dir=self.folder))
        return build(plan, board.name, out, types=False)

    def cluster(self, services: Mapping[str, str], **limits: Any) -> Image:
        """Link a cluster of one Pico W; ``services``: name -> source of its ``__init__.py``."""
        root = Path(tempfile.mkdtemp(dir=self.folder))
        return self.image(write_cluster(root, dict(services)), **limits)

    # Boards and floors

    def served(self, image: Image) -> Running:
        """Run the image in the simulator until the end of all measurements."""
        if image.folder not in self._boards:
            self._boards[image.folder] = self._stack.enter_context(running_images([image]))
        return self._boards[image.folder]

    def run_on_board(
        self,
        image: Image,
        main: str,
        *,
        boot: bool = True,
        timeout: float = 120,
        peers: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run ``main`` instead of the image's ``main.py``; return its last line, which is JSON.

        The program has the board's heap and the simulator's shims. ``boot=False`` omits the image's
        ``boot.py``. ``peers``: the other boards in the form of ``torpor_sim.links``, host ->
        address and ports.
        """
        board = image.board
        folder = BoardFolder(Path(tempfile.mkdtemp(dir=self.folder)))
        folder.prepare(board.board, fresh=False)
        folder.install(image.tree)
        Inputs(folder.inputs).prepare(defaults(board))
        (folder.flash / "main.py").write_text(main)
        if not boot:
            (folder.flash / "boot.py").unlink()
        write_json(folder.peers, dict(peers or {}))
        ports = Ports(bind=None, base=None, mode="os")
        self._stack.callback(ports.close)
        place = ports.place([board])[board.name]
        message = facts(
            board.name, board.board, place, folder, reset_cause="power-on", wake_reason=""
        )
        write_json(folder.run / "facts.json", message)
        heap = f"heapsize={board.board.heap_bytes // 1024}wK"
        out = _micropython(
            ["-X", heap, str(starter()), str(folder.flash), str(folder.run)], timeout
        )
        return json.loads(out.splitlines()[-1])

    def run_native(self, image: Image, program: str, timeout: float = 120) -> Any:
        """Run ``program`` on bare MicroPython; return its last line, which is JSON.

        Its arguments are a free port and the image's folder.
        """
        path = Path(tempfile.mkdtemp(dir=self.folder)) / "program.py"
        path.write_text(program)
        with held_port() as port:
            arguments = [str(path), str(port), str(image.tree)]
            out = _micropython(["-X", f"heapsize={HEAP}", *arguments], timeout)
        return json.loads(out.splitlines()[-1])

    def floor(self, name: str) -> Address:
        """Run ``floors/<name>.py`` until the end of all measurements, and return its address."""
        return self._program(FLOORS / f"{name}.py")

    def native(self, image: Image) -> Address:
        """Run the image's one service on bare MicroPython, like a floor, and return its address."""
        return self._program(Path(__file__).with_name("native.py"), str(image.tree))

    def processor_s(self, address: Address) -> float:
        """Return the processor time (s) that the program at that address has used so far."""
        spent = Path(f"/proc/{self._pids[address]}/schedstat").read_text().split()[0]
        return int(spent) / 1e9

    def _program(self, program: Path, *arguments: str) -> Address:
        """Start a program once. Its first argument is a port; it prints a line when it listens."""
        key = " ".join([str(program), *arguments])
        if key not in self._programs:
            port = self._stack.enter_context(held_port())
            self._programs[key] = ("127.0.0.1", port)
            process = subprocess.Popen(
                _command(["-X", f"heapsize={HEAP}", str(program), str(port), *arguments]),
                stdout=subprocess.PIPE,
                env=os.environ | {"MICROPYPATH": f".frozen:{Path(microdot.__file__).parents[1]}"},
            )
            self._pids[self._programs[key]] = process.pid
            self._stack.callback(process.wait)
            self._stack.callback(process.kill)
            assert process.stdout
            if not process.stdout.readline():
                raise RuntimeError(f"{program.name} exited before it was ready")
        return self._programs[key]


def _command(arguments: list[str]) -> list[str]:
    launch = Path(torpor_sim.__file__).with_name("_launch.py")
    return [sys.executable, "-P", str(launch), str(os.getpid()), *arguments]


def _micropython(arguments: list[str], timeout: float) -> str:
    run = subprocess.run(
        _command(arguments), capture_output=True, text=True, timeout=timeout, check=False
    )
    if run.returncode:
        raise RuntimeError(f"MicroPython exited with {run.returncode}:\n{run.stdout}{run.stderr}")
    return run.stdout
