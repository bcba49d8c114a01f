"""HTTP/1.1 for the services that have a port.

``opening`` starts it, ``listener`` is the way from the socket to the handler. What good requests
do not reach lies in overlays, which take no heap until they are needed: ``opening``, ``refusal``,
``chunks``, ``unusual`` and ``json_errors``.
"""
