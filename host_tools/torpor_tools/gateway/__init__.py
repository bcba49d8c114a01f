"""The gateway: HTTP for boards that sleep, see docs/gateway.md.

``client`` (a client's connection) and ``response`` speak HTTP; ``app`` decides who answers;
``direct`` sends requests to boards that are awake; ``parked`` tracks the requests that wait for the
others, without I/O; ``broker`` speaks MQTT; ``server`` opens the ports; ``nats`` starts a broker if
there is none.
"""

from .server import Gateway

__all__ = ["Gateway"]
