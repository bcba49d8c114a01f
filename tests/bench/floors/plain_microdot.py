# For comparison: Microdot as its documentation shows it.
import gc
import sys

from microdot import Microdot

app = Microdot()


@app.get("/items/<name>")
async def item(request, name):
    return {"name": name, "limit": 10}


@app.get("/ready")
async def ready(request):
    return "ready"


gc.collect()
if len(sys.argv) > 2:
    gc.threshold(int(sys.argv[2]))
print("ready")
app.run(host="127.0.0.1", port=int(sys.argv[1]))
