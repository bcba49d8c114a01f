"""The gateway: HTTP for boards that sleep. docs/gateway.md tells what it does.

``parked`` knows what waits and has no I/O; ``broker`` speaks MQTT; ``direct`` passes requests to a
board that is awake, ``shortcut`` the usual ones in the least time; ``app`` is the ASGI application;
``server`` opens the ports; ``nats`` starts a broker where there is none.
"""

from .server import Gateway

__all__ = ["Gateway"]
