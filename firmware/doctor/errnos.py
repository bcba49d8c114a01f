"""Print the error numbers that this firmware has names for."""

import errno
import json

print(json.dumps({name: getattr(errno, name) for name in dir(errno) if name[0] == "E"}))
