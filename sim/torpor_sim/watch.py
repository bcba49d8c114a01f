"""Watch mode: a change of a source file becomes a new image on the running boards."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from watchfiles import Change as FileChange
from watchfiles import awatch

from torpor_tools.errors import UserError, fail
from torpor_tools.files import belongs
from torpor_tools.model.image import Image

from .simulator import Simulator

_STEP_MS = 50  # a pause this long ends a burst: an editor writes a file several times
_ANSWER_S = 3.0
_SETTLE_MS = 300  # the longest burst
_SOURCES = (".py", ".toml", ".html", ".css", ".js", ".svg", ".json", ".lock")


@dataclass(frozen=True)
class Rebuild:
    """The outcome of a change. ``error`` None: the new code runs, after ``seconds``."""

    files: tuple[Path, ...]
    error: UserError | None
    seconds: float
    refusing: Mapping[str, str] = field(default_factory=dict)  # services that answer 503, and why
    dormant: tuple[str, ...] = ()  # changed services that start with their next request


async def watch(
    sim: Simulator,
    root: Path,
    rebuild: Callable[[], Sequence[Image]],
    report: Callable[[Rebuild], None],
    *,
    also: Iterable[Path] = (),
    begin: Callable[[tuple[Path, ...]], None] | None = None,
) -> None:
    """Watch the cluster at ``root`` until cancelled; ``rebuild`` after a change, and run it.

    ``rebuild`` is called in a thread; it returns the images of all boards, or raises ``UserError``,
    and then the old code keeps running. ``begin`` is called before it, ``report`` at the end.
    ``also`` are further folders with sources, such as the device runtime's.
    """
    folders = [
        path for path in (root / "services", root / "lib", root / "sim", *also) if path.is_dir()
    ]
    bursts: asyncio.Queue[tuple[Path, ...]] = asyncio.Queue()
    async with asyncio.TaskGroup() as tasks:
        # Files in the root are seen through their folder: an editor that renames a new file over
        # the old one ends a watch of the file itself. Other subfolders (.venv) are not watched.
        tasks.create_task(_collect(bursts, root, recursive=False))
        for folder in folders:
            tasks.create_task(_collect(bursts, folder, recursive=True))
        while True:
            files = set(await bursts.get())
            while not bursts.empty():
                files |= set(bursts.get_nowait())
            changed = tuple(sorted(files))
            if begin:
                begin(changed)
            report(await _apply(sim, rebuild, changed))


async def _apply(
    sim: Simulator, rebuild: Callable[[], Sequence[Image]], changed: tuple[Path, ...]
) -> Rebuild:
    started = time.monotonic()
    error = None
    refusing: dict[str, str] = {}
    try:
        await sim.update(await asyncio.to_thread(rebuild))
        refusing = await _refusing(sim)
    except UserError as refused:
        error = refused
    except TimeoutError as late:
        error = fail(str(late), "the next change is tried again")
    except OSError as vanished:  # an editor replaces files while they are read
        error = fail(f"{vanished.filename}: {vanished.strerror}", "the next change is tried again")
    seconds = time.monotonic() - started
    folders = {parent for file in changed for parent in file.parents}
    dormant = tuple(
        placed.name
        for _, placed, _ in sim.services()
        if placed.entry.on_request and placed.folder.resolve() in folders
    )
    return Rebuild(changed, error, seconds, refusing, dormant)


async def _refusing(sim: Simulator) -> dict[str, str]:
    """Return the services that answer 503, each with its reason.

    OPTIONS reaches no method of a service. A service that starts on request gets no request,
    because it would start.
    """
    import httpx  # see Simulator.http

    reasons: dict[str, str] = {}
    for _, placed, _ in sim.services():
        if placed.entry.on_request:
            continue
        try:
            answer = await sim.http(placed.name).options("/", timeout=_ANSWER_S)
        except httpx.HTTPError:
            continue  # its board sleeps, or was cut off on purpose
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
            with contextlib.suppress(ValueError, KeyError, TypeError):
                reasons[placed.name] = answer.json()["error"]
            reasons.setdefault(placed.name, answer.text)
    return reasons


async def _collect(
    bursts: asyncio.Queue[tuple[Path, ...]], folder: Path, *, recursive: bool
) -> None:
    def wanted(change: FileChange, name: str) -> bool:
        inside = Path(name).relative_to(folder.resolve())
        wanted = inside.suffix in _SOURCES and "tests" not in inside.parts
        return wanted and belongs(Path(name), folder.resolve())

    async for burst in awatch(
        folder.resolve(),
        watch_filter=wanted,
        debounce=_SETTLE_MS,
        step=_STEP_MS,
        recursive=recursive,
    ):
        bursts.put_nowait(tuple(Path(name) for _, name in burst))
