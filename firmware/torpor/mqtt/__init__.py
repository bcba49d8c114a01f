"""Requests for a board that sleeps, held by an MQTT broker: see docs/gateway.md.

``client`` (packets, and the connection), ``execute`` (a request, exactly once), ``mailbox``
(what the kernel starts).
"""
