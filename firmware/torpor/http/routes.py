"""Finds the handler of a request in the tree of routes that the build makes.

The tree has one dict for each segment of a path, ``"*"`` for a parameter, and handlers under
``"/GET"`` and the like. Under ``"/"`` the root may have a handler for all requests that no route
matches: that of an application. The root's ``"~"`` leads to what the runtime itself serves.
"""


def find(listener, request):
    """Return the handler of a request to a listener.

    Raises:
        Fault: No handler takes it: 404, 405 or 503, or 204 for OPTIONS.
    """
    node = listener.routes
    for segment in request.steps:
        node = node.get(segment) or (segment and node.get("*"))
        if not node:
            handler = listener.routes.get("/")
            break
    else:
        handler = node.get(request.key)
    if handler:
        return handler
    from . import refusal

    return refusal.unmatched(listener, request, node)
