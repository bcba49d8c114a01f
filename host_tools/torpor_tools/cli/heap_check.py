"""Keeps images that leave too little heap off boards, for every command that puts one there."""

from __future__ import annotations

from ..errors import UserError
from ..model.image import Image


def check_heap(image: Image, allow_low_heap: bool) -> None:
    """Check that an image leaves its board's ``heap_reserve``.

    Args:
        image: An image that has been built.
        allow_low_heap: Whether the user takes any image; then nothing is weighed.

    Raises:
        UserError: It leaves less, with the table of what takes the heap.
    """
    from .heap_room import low_heap, room_of
    from .weighed import weights_of

    weights = None if allow_low_heap else weights_of(image)
    if weights and (problem := low_heap(image, room_of(image, weights))):
        raise UserError(problem)
