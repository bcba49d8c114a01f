"""Bodies that a Microdot application reads as text. An overlay.

MicroPython takes overlong UTF-8 and halves of surrogate pairs for characters, and what the
application answers with them is not UTF-8 any more.
"""

import json

from .. import cold
from ..service import Fault
from . import surrogates
from .wire import text, unquote

cold.until_collected(__name__)


def check(request) -> None:
    """Raise ``ValueError`` for JSON or a form that is not UTF-8 when its escapes are undone.

    Bytes of the body stay as they are: an application may hold them against a signature.
    """
    kind = request.content_type.split(";")[0]
    body = request.body
    try:
        if kind == "application/json":
            text(body)
            if b"\\u" in body:
                whole = surrogates.joined(body)
                if len(whole) != len(body):
                    _load(request, whole)
        elif kind == "application/x-www-form-urlencoded":
            unquote(body)
    except Fault:
        raise ValueError


def _load(request, body: bytes) -> None:
    """Set what ``request.json`` returns, from a body whose pairs of escapes are characters."""
    try:
        request._json = json.loads(str(body, "utf-8"))
    except ValueError:
        pass  # as for any other body, when the application asks for it
