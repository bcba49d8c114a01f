"""Answers ``GET /openapi.json`` of every service from ``/.sim/openapi``, which a chip does not.

Imported only where a service listens. A route of that path takes precedence.
"""

from torpor.http import listener, response

_unmatched = listener.Listener.unmatched


async def _serve(connection, handler, rest):
    with open("/.sim/openapi/%s.json" % handler[1], "rb") as file:
        data = file.read()
    return response.compose(connection.request, 200, data, "application/json", None)


def _or_document(self, request, node):
    if request.target == "/openapi.json" and request.verb in ("GET", "HEAD"):
        return _serve, self.name
    return _unmatched(self, request, node)


listener.Listener.unmatched = _or_document  # type: ignore[method-assign]
