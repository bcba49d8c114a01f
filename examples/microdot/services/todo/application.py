"""A Microdot application as it was before torpor: nothing in this file knows about torpor."""

from microdot import Microdot, send_file

app = Microdot()
tasks = {}


@app.get("/")
async def index(request):
    return send_file("static/index.html")


@app.get("/tasks")
async def listing(request):
    return [{"id": number, "text": tasks[number]} for number in sorted(tasks)]


@app.post("/tasks")
async def add(request):
    if not request.json or "text" not in request.json:
        return {"error": "text is missing"}, 400
    number = max(tasks, default=0) + 1
    tasks[number] = request.json["text"]
    return {"id": number, "text": tasks[number]}, 201


@app.delete("/tasks/<int:number>")
async def remove(request, number):
    if number not in tasks:
        return {"error": "no such task"}, 404
    del tasks[number]
    return "", 204
