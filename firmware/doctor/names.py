"""Print how long the look-up of an unused name takes. ``join`` has joined the network."""

import json
import socket
import time

began = time.ticks_ms()
number = None
try:
    socket.getaddrinfo("torpor-doctor-nobody.local", 80)
except OSError as e:
    number = e.errno
print(json.dumps({"errno": number, "ms": time.ticks_diff(time.ticks_ms(), began)}))
