"""HTTP/1.1 for the services that have a port.

``listener`` connects the socket to the handler: ``wire`` reads a request, ``router`` finds the
handler, ``args`` and ``fields`` convert its arguments, and ``response`` writes its result.
``budget`` shares the board's connections.
"""
