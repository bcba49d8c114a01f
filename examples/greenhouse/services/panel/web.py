"""The page."""

from microdot import Microdot, send_file

app = Microdot()


@app.get("/")
async def page(request):
    return send_file("static/index.html")
