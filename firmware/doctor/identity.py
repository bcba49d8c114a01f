"""Print the interpreter's name and version, its number formats and its clocks."""

import json
import sys
import time

print(
    json.dumps(
        {
            "platform": sys.platform,
            "machine": sys.implementation._machine,
            "version": "%d.%d.%d" % sys.implementation.version[:3],
            "bytecode": sys.implementation._mpy & 0xFF,
            "maxsize": sys.maxsize,
            "single_precision": 1.0 + 1e-9 == 1.0,
            "epoch_year": time.gmtime(0)[0],
            "ticks_period": time.ticks_add(0, -1) + 1,
            "whole_seconds": type(time.time()) is int,
        }
    )
)
