"""HTTP/1.1 for the services that have a port.

``opening`` starts it, ``listener`` is the way from the socket to the handler. What good requests
do not reach is cold code, which takes no heap until it is needed: ``opening``, ``refusal``,
``chunks``, ``unusual`` and ``json_errors``.
"""
