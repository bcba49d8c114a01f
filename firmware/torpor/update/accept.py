"""Accepts a manifest that has arrived, and finds which files are needed."""

import os

from .. import Fault
from ..cold import cold
from . import collect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Coroutine


@cold
async def accept(arguments: dict) -> dict:
    """Verify the manifest that has arrived, and return which files are needed."""
    signature = arguments["signature"]
    if isinstance(signature, str):  # not when this is tried again
        signature = arguments["signature"] = _number(signature)
    try:
        digest = await _digest()
        collect()
        _verify(digest, signature)
        collect()
        await _check()
        collect()
        needed = await _needed()
    except (Fault, ValueError) as e:
        from .files import remove

        remove("/.new/head")
        if isinstance(e, Fault):
            raise
        raise Fault(400, "the manifest is not valid: %s" % e)
    os.rename("/.new/head", "/.new/manifest")
    return {"needed": needed}


# Separate functions, so that no variable keeps the code of one stage during the next.
@cold
def _number(signature: str) -> int:
    from .signature import number

    return number(signature)


@cold
def _digest() -> "Coroutine":
    from .files import digest_of

    return digest_of("/.new/head")


@cold
def _verify(digest: bytes, signature: int) -> None:
    from .signature import check

    check(digest, signature)


@cold
def _check() -> "Coroutine":
    from .manifest import check

    return check()


@cold
def _needed() -> "Coroutine":
    from .report import needed

    return needed()
