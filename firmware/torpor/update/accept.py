"""Accepts a manifest that has arrived, and finds which files are needed."""

import os

from .. import Fault, heap
from ..cold import cold


@cold
async def accept(signature: str) -> dict:
    """Verify the manifest that has arrived, and return which files are needed."""
    try:
        digest = await _digest()
        heap.collect()
        _verify(digest, signature)
        heap.collect()
        await _check()
        heap.collect()
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
async def _digest() -> bytes:
    from .files import digest_of

    return await digest_of("/.new/head")


@cold
def _verify(digest: bytes, signature: str) -> None:
    from .signature import check

    check(digest, signature)


@cold
async def _check() -> None:
    from .manifest import check

    await check()


@cold
async def _needed() -> list:
    from .report import needed

    return await needed()
