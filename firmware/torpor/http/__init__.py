"""HTTP/1.1 for the services that have a port.

``listener`` is the way from the socket to the handler: ``wire`` reads a request, ``routes`` finds
its handler, ``args`` and ``fields`` convert its arguments, ``response`` writes what it returns.
``budget`` shares the board's connections.
"""
