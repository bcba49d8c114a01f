"""The state that the tests of a run share: the transport, the images, the counted lines."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

from . import source
from .collect import DeviceFile
from .coverage import Coverage
from .image import TestImage, link, link_lib
from .report import DeviceFailure
from .runner import Order, Outcome, Runner
from .transport import Transport


class DeviceSession:
    """Made for every run of pytest; costs nothing until the first test of a service."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.coverage = Coverage()
        self._counts = config.getoption("service_coverage")
        self._transport: Transport | None = None
        self._images: dict[Path, TestImage] = {}
        self._runners: dict[str, Runner] = {}
        self._files: list[DeviceFile] = []

    def begin(self, files: list[DeviceFile]) -> None:
        """Take note of the files that have tests to run."""
        self._files = files

    def run(self, item: pytest.Function, file: DeviceFile) -> None:
        """Run a test on the device; raises ``DeviceFailure`` if it fails, skips if it skips."""
        order = self._order(item, file)
        outcome = self._runner(file).run(order)
        self._attach(item, outcome)
        if outcome.outcome == "skipped":
            pytest.skip(outcome.text)
        if outcome.outcome != "passed":
            raise DeviceFailure(outcome)

    def finish(self) -> None:
        """Pass on or write the line counts."""
        if self._counts:
            output = getattr(self.config, "workeroutput", None)
            if output is not None:
                output["torpor_lines"] = self.coverage.lines
            elif self.coverage.lines:
                self.coverage.write(self.config.rootpath)

    def close(self) -> None:
        """Stop the interpreter or release the board."""
        if self._transport:
            self._transport.close()
            self._transport = None

    def _order(self, item: pytest.Function, file: DeviceFile) -> Order:
        test = f"{item.cls.__name__}.{item.originalname}" if item.cls else item.originalname
        callspec = getattr(item, "callspec", None)
        params = dict(callspec.params) if callspec else {}
        names = file.arguments[test]
        given = {name: value for name, value in params.items() if name in names}
        fixtures = source.closure(names, file.fixtures, set(given))
        mark = item.get_closest_marker("device_timeout")
        timeout = float(mark.args[0] if mark else self.config.getini("device_timeout"))
        return Order(test, names, _sent(given), fixtures, timeout)

    def _runner(self, file: DeviceFile) -> Runner:
        runner = self._runners.get(file.nodeid)
        if runner is None:
            image = self.image(file)
            broken = image.problems.get(file.path.relative_to(file.root).as_posix())
            if broken:
                pytest.fail("\n".join(map(str, broken)), pytrace=False)
            counted = self._counter(image) if self._counts else None
            runner = Runner(self.transport(), lambda: image, file.module_name, counted)
            self._runners[file.nodeid] = runner
        # When the next test is in another file the interpreter has done its work.
        file.addfinalizer(runner.end)
        return runner

    def image(self, file: DeviceFile) -> TestImage:
        """The image of the file's service, linked once. Raises ``UserError``."""
        folder = file.root / (f"services/{file.service}" if file.service else "lib")
        if folder not in self._images:
            strict = not self.config.getoption("no_strict")
            if file.service:
                image = link(file.root, file.service, strict=strict, counted=self._counts)
            else:
                image = link_lib(file.root, counted=self._counts)
            self._images[folder] = image
        return self._images[folder]

    def images(self) -> list[TestImage]:
        """The images of all files that are going to run."""
        return list({id(image): image for image in map(self.image, self._files)}.values())

    def transport(self) -> Transport:
        """The way to the interpreter, opened at the first test."""
        if self._transport is None:
            self._transport = _transport(self.config.getoption("target"), self.images)
        return self._transport

    def _counter(self, image: TestImage) -> Callable[[list[int]], None]:
        def count(marks: list[int]) -> None:
            self.coverage.add(image.probes.ran(marks))

        return count

    def _attach(self, item: pytest.Function, outcome: Outcome) -> None:
        item.user_properties.append(("device_ms", outcome.ms))
        for title, lines in (("stdout", outcome.printed), ("log", outcome.logged)):
            if lines:
                item.add_report_section("call", title, "\n".join(lines) + "\n")


def _sent(values: dict[str, object]) -> str:
    """Parameters as source; they must be plain values to come out the same on the device."""
    for name, value in values.items():
        try:
            same = ast.literal_eval(repr(value)) == value
        except (ValueError, SyntaxError):
            same = False
        if not same:
            pytest.fail(
                f"the parameter {name} is {value!r}, which cannot be sent to the device\n"
                "    use numbers, text, bytes, True, False, None, and lists, tuples, dicts of them",
                pytrace=False,
            )
    return repr(values)


def _transport(target: str, images: Callable[[], list[TestImage]]) -> Transport:
    if target == "unix":
        from .transport import Pipe

        return Pipe()
    if target == "emulated":
        from .emulated import Emulated

        return Emulated(images)
    from .serial import SerialBoard

    return SerialBoard(target)
