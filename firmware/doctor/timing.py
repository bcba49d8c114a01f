"""Print the resolution of this firmware's waits, in microseconds."""

import json
import select
import socket
import time

_TURNS = 20


def _mean(wait) -> int:
    wait()
    began = time.ticks_us()
    for _ in range(_TURNS):
        wait()
    return time.ticks_diff(time.ticks_us(), began) // _TURNS


sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(("0.0.0.0", 9099))
poller = select.poll()
poller.register(sock, select.POLLIN)
poll_us = _mean(lambda: poller.poll(1))
sock.close()
print(json.dumps({"poll_us": poll_us, "sleep_us": _mean(lambda: time.sleep_ms(1))}))
