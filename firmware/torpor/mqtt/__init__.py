"""Requests for a board that sleeps, held by an MQTT broker: docs/gateway.md tells how.

``packet`` (bytes), ``client`` (the connection), ``execute`` (a request, exactly once), ``mailbox``
(what the kernel starts).
"""
