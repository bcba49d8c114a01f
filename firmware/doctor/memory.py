"""Print the heap's size, and what the firmware reports about memory that is not heap yet."""

import gc
import json
import sys

import micropython

gc.collect()
free = gc.mem_free()
micropython.mem_info()
print(json.dumps({"free": free, "image": "torpor" in sys.modules}))
