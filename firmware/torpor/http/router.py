"""Finds the handler of a request in the tree of routes that the build makes.

The tree has one dict for each segment of a path, ``"*"`` for a parameter, and handlers under
``"/GET"`` and so on. Under ``"/"`` the root may have the handler of an application for all requests
that no route matches. The root's ``"~"`` has the routes that the runtime itself serves.
"""

from .. import Fault
from ..cold import cold

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from .listener import Listener
    from .wire import Request


def find(listener: "Listener", request: "Request") -> "Any":
    """Return the handler of a request to a listener.

    Raises:
        Fault: There is no handler: 404, 405 or 503, or 204 for OPTIONS.
    """
    node: Any = listener.routes
    for segment in request.steps:
        node = node.get(segment) or (segment and node.get("*"))
        if not node:
            handler = listener.routes.get("/")
            break
    else:
        handler = node.get(request.key)
    if handler:
        return handler
    return _unmatched(listener, request, node)


@cold
def _unmatched(listener, request, node):
    """Return the application's handler for a request that has no route.

    Args:
        listener: The service's listener.
        request: The request.
        node: The part of the tree of routes at its path, or None.

    Raises:
        Fault: The application has no route for it either, or there is no application.
    """
    if request.raw == b"*":
        _whole_server(request)
    verbs = [key[1:] for key in node if key[:1] == "/"] if node else []
    application = listener.routes.get("/")
    if application:
        if not verbs:
            return application
        more = application[2](application[1], request)
        if ("GET" if request.verb == "HEAD" else request.verb) in more:
            return application
        verbs += more
    if listener.failed:
        request.keep = False  # a new connection makes a service that starts on request try again
        raise Fault(503, "%s did not start: %s" % (listener.name, listener.failed))
    if not verbs:
        raise Fault(404, "%s has no %s" % (listener.name, request.target))
    if "GET" in verbs:
        verbs.append("HEAD")
    verbs.append("OPTIONS")
    allow = {"Allow": ", ".join(sorted(set(verbs)))}
    if request.verb == "OPTIONS":
        raise Fault(204, "", allow)
    raise Fault(405, "%s does not take %s" % (request.target, request.verb), allow)


def _whole_server(request) -> None:
    """Raise the ``Fault`` that answers a request for ``*`` (RFC 9110, 9.3.7)."""
    if request.verb != "OPTIONS":
        raise Fault(400, "the target * is for OPTIONS")
    raise Fault(204, "", {"Allow": "DELETE, GET, HEAD, OPTIONS, POST, PUT"})
