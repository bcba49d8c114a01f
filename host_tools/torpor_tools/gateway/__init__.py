"""The gateway: HTTP for boards that sleep, see docs/gateway.md.

``client`` (a client's connection) and ``response`` speak HTTP; ``app`` decides who answers;
``direct`` passes requests to a board that is awake; ``parked`` knows what waits for the others and
has no I/O; ``broker`` speaks MQTT; ``server`` opens the ports; ``nats`` starts a broker if there is
none.
"""

from .server import Gateway

__all__ = ["Gateway"]
