# The application on plain Microdot. Arguments: the port.
import sys
from site import app

print("ready")
app.run(host="127.0.0.1", port=int(sys.argv[1]))
