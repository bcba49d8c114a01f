"""Sent to the board's REPL by ``torpor data --port`` and called there; not part of any image.

The board's Python has just started and runs no service: nobody else has the databases open. The
host reads the line that ``ask`` prints.
"""

import asyncio
import json
import os

from torpor import Fault, cold
from torpor.store.database import Store

_stores: dict = {}
_look: dict = {"__name__": "torpor.store.admin"}


def load(source):
    """Keep the functions that ``ask`` calls; an image has them only for calls over the network."""
    cold.cold = cold.startup = _unmarked  # the marks are not in an image
    exec(source, _look)


def _unmarked(function):
    return function


def ask(do, service, given):
    """Print the result of the function ``do``, ``{"value": ...}``, or the ``Fault`` it raises."""
    try:
        reply = {
            "value": asyncio.run(
                getattr(_look["Questions"], do)(_opened(service), **json.loads(given))
            )
        }
    except Fault as e:
        reply = {"fault": e.message}
    print(json.dumps(reply))


def _opened(service):
    if service not in _stores:
        if "data" not in os.listdir("/") or service not in os.listdir("/data"):
            raise Fault(404, "there is no data of it on this board: start the board once first")
        _stores[service] = Store(service)
        try:
            from torpor.store import secondary
        except ImportError:
            pass  # no migration of this board asked for an index
        else:
            _stores[service].indexing = secondary
    return _stores[service]
