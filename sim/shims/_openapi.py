"""Answers ``GET /openapi.json`` of every service from ``/.sim/openapi``, which a chip does not.

Imported only where a service listens. A route of that path takes precedence.
"""

from torpor.http import listener, response

_find = listener.find


async def _serve(connection, handler, unread):
    with open("/.sim/openapi/%s.json" % handler[1], "rb") as file:
        data = file.read()
    return response.compose(connection.request, 200, data, "application/json", None)


def _find_or_document(listener, request):
    if request.raw == b"/openapi.json" and request.key == "/GET":
        node = listener.routes.get("openapi.json") or listener.routes.get("*")
        if not node or request.key not in node:
            return _serve, listener.name
    return _find(listener, request)


listener.find = _find_or_document
