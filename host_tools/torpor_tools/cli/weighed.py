"""Caches the weights of an image: weighing starts the simulator, reading takes 30 ms."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UserError
from ..image.tree import LISTING
from ..model.image import Image
from ..paths import boards_dir, devices_dir, shims_dir
from ..result_cache import digest_of, modules_below, remembered
from .output import busy, note

if TYPE_CHECKING:
    from torpor_sim import Weights


def weights_of(image: Image, *, retry: bool = False) -> Weights | None:
    """Return the heap that each part takes, and note what could not be measured.

    Args:
        image: An image that has been built; the result is kept next to it, below ``.cache``.
        retry: Whether to try again if the same image did not start the last time.

    Returns:
        The weights; None if the image does not start here.
    """
    from torpor_sim import Weights

    cache = image.folder.parent / ".cache" / "weights" / f"{image.board.name}.json"
    if retry:
        _forget_failure(cache)
    with busy(f"Weighing {image.board.name}"):
        result = remembered(cache, _digest(image), lambda: _weigh(image))
    if "reason" in result:
        note(f"heap not measured: {result['reason']}")
        return None
    weights = Weights(**result)
    for name, reason in weights.failed.items():
        note(f"heap of {name}, which starts on request, not measured: it did not start: {reason}")
    return weights


def _weigh(image: Image) -> dict[str, Any]:
    from torpor_sim import weigh

    try:
        return asdict(weigh(image))
    except UserError as error:
        return {"reason": error.problems[0].what}


def _digest(image: Image) -> str:
    """A digest of the image, of what is wired to its board, and of the simulator."""
    import torpor_sim

    listing = (image.tree / LISTING).read_bytes()
    devices = image.board.devices
    own = {device.model.file.parent for device in devices} - {devices_dir()}
    simulator = Path(torpor_sim.__file__).parent
    return digest_of(
        [sha256(listing).hexdigest(), image.board.name, repr(image.board.board), repr(devices)],
        modules_below(*sorted(own)),
        modules_below(simulator, shims_dir(), devices_dir(), boards_dir()),
    )


def _forget_failure(cache: Path) -> None:
    try:
        failed = "reason" in json.loads(cache.read_text(encoding="utf-8"))["result"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # there is none, or it is damaged
    if failed:
        cache.unlink(missing_ok=True)
