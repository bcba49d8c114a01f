"""Reports handlers that miss their deadline to the log, ``torpor crashes`` and the client."""

from ..cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@cold
def method_of(connection: "Any") -> str:
    """Return the name of the method that handles a request, or the request if there is none."""
    from .router import find

    request = connection.request
    try:
        handler = find(connection.listener, request)
        return (handler[1] if type(handler) is tuple else handler).__name__
    except Exception:  # it has no handler, or an application handles it
        return "%s %s" % (request.verb, request.target)


@cold
def report_overdue(connection: "Any", ms: int) -> str:
    """Report a handler that was not done within ``ms``, in the log and in ``torpor crashes``.

    Returns the text for the client.
    """
    from ..log import incident

    request = connection.request
    text = "not done within %d ms" % ms
    target = request.target.split("?")[0]  # a query may hold a secret
    what = "%s %s: %s" % (request.verb, target, text)
    incident("deadline", connection.listener.name, method_of(connection), what)
    return text
