"""Routes for browsers, beyond the contract: the page, and the state as it changes."""

import asyncio

from microdot import Microdot, send_file
from microdot.sse import sse_response

_PAGE = __file__.rsplit("/", 1)[0] + "/static/index.html"
_VIEWERS = 3  # each holds one of the board's few connections while it watches
_BEAT = 15  # seconds between messages to a viewer, so that both sides know the other is there

app = Microdot()
viewers = 0


@app.get("/")
async def page(request):
    return send_file(_PAGE, compressed=True, file_extension=".gz")


@app.get("/events")
async def events(request):
    if viewers >= _VIEWERS:
        return {"error": "%d viewers are watching already" % viewers}, 503, {"Retry-After": "15"}
    return sse_response(request, follow)


async def follow(request, sse):
    """Send the overview now, after every change, and at every beat."""
    global viewers
    viewers += 1
    dashboard = request.app.service
    try:
        seen = None
        beat = 0
        while True:
            revision = await dashboard.revision()
            # A viewer with a slow connection misses some revisions, but never the last one.
            if (revision != seen or beat >= _BEAT) and not sse.queue:
                await sse.send(await dashboard.overview(), event="overview")
                seen = revision
                beat = 0
            await asyncio.sleep(1)
            beat += 1
    finally:
        viewers -= 1
