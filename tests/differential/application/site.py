"""An application that uses every feature of Microdot's documentation, written as its users do.

It runs unchanged on plain Microdot and mounted in a service.
"""

import binascii
import io
import json

from microdot import Microdot, Request, Response, URLPattern, abort, redirect, send_file
from microdot.auth import BasicAuth, TokenAuth
from microdot.cors import CORS
from microdot.csrf import CSRF
from microdot.login import Login
from microdot.multipart import FileUpload, FormDataIter, with_form_data
from microdot.sse import sse_response, with_sse
from microdot.websocket import websocket_upgrade, with_websocket

Request.max_content_length = 64 * 1024
Request.max_body_length = 8 * 1024
FileUpload.max_memory_size = 8 * 1024

app = Microdot()
guarded = Microdot()  # everything below /guarded: CORS, CSRF
outer = Microdot()
inner = Microdot()
local = Microdot()


def seen(request, **more):
    """Return the application's view of a request."""
    args = request.args
    fields = {
        "method": request.method,
        "path": request.path,
        "url": request.url,
        "query": request.query_string,
        "args": [[k, args.getlist(k)] for k in sorted(args)] if request.query_string else [],
        "version": request.http_version,
        "prefix": request.url_prefix,
        "scheme": request.scheme,
        "cookies": [[k, request.cookies[k]] for k in sorted(request.cookies)],
        "length": request.content_length,
        "type": request.content_type,
        "body": binascii.b2a_base64(request.body).decode().strip(),
        "subapp": request.subapp is not None,
    }
    fields.update(more)
    return fields


# Routes, methods, path components


def hex_color(value):
    try:
        return int(value, 16)
    except ValueError:
        return None


URLPattern.register_type("hex", "[0-9a-fA-F]+", hex_color)
URLPattern.register_type("word", "[a-z]+")
URLPattern.register_type("even", "[^/]+", lambda value: None if len(value) % 2 else value)


@app.route("/")
async def index(request):
    return "hello"


@app.route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "BREW"])
async def echo(request):
    return seen(request)


@app.route("/sync")
def sync(request):
    return "a plain function"


@app.get("/verbs")
async def verb_get(request):
    return "get"


@app.post("/verbs")
async def verb_post(request):
    return "post", 201


@app.put("/verbs")
async def verb_put(request):
    return "put", 202


@app.patch("/verbs")
async def verb_patch(request):
    return "patch"


@app.delete("/verbs")
async def verb_delete(request):
    return 204


@app.get("/string/<name>")
async def string(request, name):
    return seen(request, name=name)


@app.get("/string/<name>/and/<other>")
async def strings(request, name, other):
    return [name, other]


@app.get("/int/<int:id>")
async def integer(request, id):
    return {"id": id}


@app.get("/path/<path:path>")
async def path(request, path):
    return {"path": path}


@app.get("/between/<path:path>/end")
async def between(request, path):
    return {"path": path}


@app.get("/re/<re:[a-z]*[0-9]:code>")
async def regular(request, code):
    return {"code": code}


@app.get("/hex/<hex:value>")
async def hexadecimal(request, value):
    return {"value": value}


@app.get("/word/<word:value>")
async def word(request, value):
    return {"value": value}


@app.get("/even/<even:value>")
async def even(request, value):
    return {"value": value}


@app.get("/order/first")
async def order_first(request):
    return "the fixed one"


@app.get("/order/<which>")
async def order_any(request, which):
    return "any: " + which


@app.get("/order/last")
async def order_last(request):
    return "never"


@app.get("/slash/")
async def slash(request):
    return "with a slash"


@app.get("/wo.rd+s/a-b_c~d")
async def odd_path(request):
    return "an odd path"


# Before and after requests, and g


@app.before_request
async def before(request):
    request.g.trail = ["before"]
    if request.args and request.args.get("stop"):
        return {"stopped": request.path}, 203


@app.after_request
async def after(request, response):
    if hasattr(request.g, "trail"):
        request.g.trail.append("after")
        response.headers["X-Trail"] = " ".join(request.g.trail)
    return response


@app.after_error_request
async def after_error(request, response):
    response.headers["X-Error"] = "%d" % response.status_code
    return response


@app.get("/own-after/<int:n>")
async def own_after(request, n):
    for i in range(n):

        @request.after_request
        async def mark(request, response):
            response.set_cookie("mark", "%d" % n)
            return response

    return "marked"


@app.get("/replaced")
async def replaced(request):
    @request.after_request
    async def replace(request, response):
        return Response("replaced", 206)

    return "original"


# Responses


@app.get("/answer/<kind>")
async def answer(request, kind):
    if kind == "text":
        return "text with ä, € and 😀"
    if kind == "empty":
        return ""
    if kind == "bytes":
        return bytes(range(256))
    if kind == "bytearray":
        return bytearray(b"bytearray")
    if kind == "dict":
        return {"a": [1, 2.5, None, True, "ä"], "b": {}}
    if kind == "list":
        return [1, [2, [3]]]
    if kind == "none":
        return None
    if kind == "int":
        return 202
    if kind == "int404":
        return 404
    if kind == "status":
        return "created", 201
    if kind == "headers":
        return "text", 200, {"X-One": "1", "Content-Type": "text/html"}
    if kind == "two":
        return "text", {"X-Two": "2"}
    if kind == "int-headers":
        return 202, {"X-Two": "2"}
    if kind == "dict-status":
        return {"error": "no"}, 409
    if kind == "response":
        return Response("body", 203, {"X-Three": "3"})
    if kind == "reason":
        return Response("body", 299, reason="Nearly Well")
    if kind == "json-string":
        return json.dumps("x"), {"Content-Type": "application/json"}
    if kind == "html":
        return "<p>ä</p>", 200, {"Content-Type": "text/html; charset=utf-8"}
    if kind == "none-404":
        return None, 404
    if kind == "many-headers":
        return "x", 200, {"X-%d" % i: str(i) for i in range(30)}
    if kind == "list-header":
        return "x", 200, {"X-List": ["a", "b"]}
    if kind == "large":
        return "0123456789" * 4000
    if kind == "304":
        return "", 304
    if kind == "length":
        return Response("four", headers={"Content-Length": "4"})
    if kind == "close":
        return Response("bye", headers={"Connection": "close"})
    if kind == "number-header":
        return "x", 200, {"X-Number": 5}
    abort(404)


@app.get("/default-type")
async def default_type(request):
    class Page(Response):
        default_content_type = "text/html"

    return Page("<b>x</b>")


@app.get("/redirect")
async def redirected(request):
    return redirect(request.args.get("to", "/"), int(request.args.get("code", "302")))


@app.get("/abort/<int:code>")
async def aborted(request, code):
    if request.args and request.args.get("why"):
        abort(code, request.args["why"])
    abort(code)


# Errors


class Trouble(Exception):
    pass


class WorseTrouble(Trouble):
    pass


@app.errorhandler(404)
async def not_found(request):
    return {"error": "not found", "path": request.path}, 404


@app.errorhandler(400)
async def bad_request(request):
    return "bad request", 400


@app.errorhandler(413)
async def too_large(request):
    return {"error": "too large"}, 413


@app.errorhandler(418)
async def teapot(request):
    return "short and stout", 418, {"X-Pot": "tea"}


@app.errorhandler(ZeroDivisionError)
async def division(request, exception):
    return {"error": "division"}, 500


@app.errorhandler(Trouble)
async def trouble(request, exception):
    return "trouble: %s" % type(exception).__name__, 507


@app.errorhandler(KeyError)
async def key(request, exception):
    raise ValueError("a handler of errors fails")


@app.get("/raise/<kind>")
async def raises(request, kind):
    if kind == "zero":
        return str(1 // 0)
    if kind == "trouble":
        raise Trouble("x")
    if kind == "worse":
        raise WorseTrouble("x")
    if kind == "key":
        return {}["x"]
    if kind == "os":
        raise OSError(5)
    raise ValueError("x")


# The request


@app.post("/json")
async def json_body(request):
    return {"json": request.json}


@app.post("/form")
async def form(request):
    form = request.form
    if form is None:
        return {"form": None}
    return {"form": [[k, form.getlist(k)] for k in sorted(form)], "one": form.get("n", type=int)}


@app.get("/header/<name>")
async def header(request, name):
    return {"value": request.headers.get(name), "in": name in request.headers}


@app.get("/args")
async def arguments(request):
    return {"n": request.args.get("n", "0"), "int": request.args.get("n", default=7, type=int)}


@app.get("/cookies/set")
async def cookies_set(request):
    response = Response("set")
    response.set_cookie("plain", "1")
    response.set_cookie("path", "2", path="/a", domain="example.org")
    response.set_cookie("age", "3", max_age=60, secure=True, http_only=True)
    response.set_cookie("date", "4", expires="Thu, 01 Jan 2026 00:00:00 GMT", partitioned=True)
    return response


@app.get("/cookies/delete")
async def cookies_delete(request):
    response = Response("deleted")
    response.delete_cookie("plain")
    response.delete_cookie("path", path="/a")
    return response


@app.get("/cookies/bad")
async def cookies_bad(request):
    response = Response("x")
    response.set_cookie("a", "1; b=2")
    return response


@app.post("/stream")
async def stream(request):
    total = size = 0
    left = request.content_length
    while left > 0:
        part = await request.stream.read(min(left, 700))
        left -= len(part)
        size += len(part)
        total += sum(part)
    return {"size": size, "sum": total, "body": len(request.body)}


@app.post("/exactly")
async def exactly(request):
    first = await request.stream.readexactly(10)
    return {"first": first.decode(), "more": len(await request.stream.read(10))}


@app.post("/ignored")
async def ignored(request):
    return "not read"


# Files, generators


@app.get("/static/<path:path>")
async def static(request, path):
    if ".." in path:
        return "no", 404
    return send_file("static/" + path, max_age=3600)


@app.get("/file/<kind>")
async def file(request, kind):
    if kind == "typed":
        return send_file("static/note.txt", content_type="text/x-note")
    if kind == "status":
        return send_file("static/page.html", status_code=404)
    if kind == "stream":
        return send_file("x.css", stream=io.BytesIO(b"body { }"))
    if kind == "gz":
        return send_file("static/packed.txt", compressed=True, file_extension=".gz")
    if kind == "gz-name":
        return send_file("static/packed.txt.gz", compressed="gzip")
    if kind == "headers":
        response = send_file("static/note.txt")
        response.headers["X-File"] = "note"
        return response
    return send_file("static/none.txt")


def numbers(n):
    for i in range(n):
        yield "%d\n" % i


class Letters:
    """An asynchronous generator as Microdot's documentation writes it for MicroPython."""

    def __init__(self, text):
        self.letters = list(text)

    def __aiter__(self):
        return self

    async def __anext__(self):
        if not self.letters:
            raise StopAsyncIteration
        return self.letters.pop(0)


class AsyncFile:
    def __init__(self, data):
        self.file = io.BytesIO(data)

    async def read(self, n):
        return self.file.read(n)

    async def close(self):
        self.file.close()


@app.get("/pieces/<kind>")
async def pieces(request, kind):
    if kind == "generator":
        return numbers(20)
    if kind == "generator-status":
        return numbers(3), 206, {"Content-Type": "text/csv"}
    if kind == "none":
        return numbers(0)
    if kind == "bytes":
        return (bytes([i]) * 600 for i in range(20))
    if kind == "empty-pieces":
        return (["", "a", "", "b", ""][i] for i in range(5))
    if kind == "async":
        return Letters("abcdef")
    if kind == "bytesio":
        return io.BytesIO(b"0123456789" * 500)
    if kind == "async-file":
        return AsyncFile(b"0123456789" * 500)
    if kind == "length":
        return Response(numbers(2), headers={"Content-Length": "4"})
    if kind == "ä":
        return Letters("äöü€")
    if kind == "raises":
        return ("part %d\n" % (6 // (3 - i)) for i in range(5))
    abort(404)


# Server-sent events, WebSockets


@app.get("/events/<kind>")
@with_sse
async def events(request, sse, kind):
    if kind == "all":
        await sse.send("text")
        await sse.send(b"bytes", event="named")
        await sse.send({"a": 1}, event_id="7")
        await sse.send([1, 2], event="e", event_id="8", retry=2.5)
        await sse.send(5)
        await sse.send("beat", comment=True)
        await sse.send("ä€")
    elif kind == "many":
        for i in range(50):
            await sse.send({"n": i})
    elif kind == "raises":
        await sse.send("first")
        raise ValueError("x")


@app.get("/events-by-hand")
async def events_by_hand(request):
    async def send(request, sse):
        await sse.send("by hand")

    return sse_response(request, send)


@app.get("/ws/<kind>")
@with_websocket
async def websocket(request, ws, kind):
    if kind == "close":
        await ws.send("bye")
        await ws.close()
        return
    if kind == "raises":
        await ws.send("soon")
        raise ValueError("x")
    while True:
        data = await ws.receive()
        if data == "end":
            break
        await ws.send(data)


@app.get("/upgrade")
async def upgrade(request):
    if request.args and request.args.get("no"):
        abort(401)
    ws = await websocket_upgrade(request)
    await ws.send("upgraded")
    return ""


# Multipart forms


@app.post("/parts")
@with_form_data
async def parts(request):
    if request.form is None:
        return {"form": None}
    files = []
    for name in sorted(request.files or {}):
        upload = request.files[name]
        data = await upload.read()
        files.append([name, upload.filename, upload.content_type, len(data), sum(data)])
    return {"form": [[k, request.form[k]] for k in sorted(request.form)], "files": files}


@app.post("/parts-one-by-one")
async def parts_one_by_one(request):
    parts = []
    async for name, value in FormDataIter(request):
        if isinstance(value, FileUpload):
            size = 0
            while part := await value.read(100):
                size += len(part)
            parts.append([name, value.filename, size])
        else:
            parts.append([name, value])
    return parts


# Authentication, logins

basic = BasicAuth()
named = BasicAuth(realm="a realm", error_status=403)
token = TokenAuth()
key_header = TokenAuth(header="X-Key", error_status=404)


@basic.authenticate
async def check_password(request, username, password):
    return username if password == "secret" else None


@named.authenticate
async def check_named(request, username, password):
    return username if password == "secret" else None


@token.authenticate
async def check_token(request, value):
    return {"user": value} if value.startswith("good") else None


@key_header.authenticate
async def check_key(request, value):
    return value == "key"


@app.get("/auth/basic")
@basic
async def auth_basic(request):
    return {"user": request.g.current_user}


@app.get("/auth/named")
@named
async def auth_named(request):
    return {"user": request.g.current_user}


@app.get("/auth/token")
@token
async def auth_token(request):
    return request.g.current_user


@app.get("/auth/key")
@key_header
async def auth_key(request):
    return "in"


@app.get("/auth/optional")
@token.optional
async def auth_optional(request):
    return {"user": request.g.current_user}


class Sessions:
    """The part of ``microdot.session`` that a login needs, without its package for CPython."""

    def get(self, request):
        if not hasattr(request.g, "session"):
            request.g.session = Saved(request, self.decode(request.cookies.get("session", "")))
        return request.g.session

    def encode(self, payload):
        payload = {key: value for key, value in payload.items() if key != "exp"}
        return binascii.hexlify(json.dumps(payload).encode()).decode()

    def decode(self, text):
        try:
            return json.loads(binascii.unhexlify(text))
        except ValueError:
            return {}


class Saved(dict):
    def __init__(self, request, data):
        super().__init__(data)
        self.request = request

    def save(self):
        session = self

        @self.request.after_request
        async def save(request, response):
            response.set_cookie("session", request.app._session.encode(dict(session)))
            return response


class User:
    def __init__(self, id):
        self.id = id


app._session = Sessions()
login = Login()


@login.user_loader
async def load_user(id):
    return User(id) if id != "gone" else None


@app.get("/login/<name>")
async def log_in(request, name):
    return await login.login_user(request, User(name), remember="remember" in request.url)


@app.get("/logout")
async def log_out(request):
    await login.logout_user(request)
    return redirect("/")


@app.get("/private")
@login
async def private(request):
    return "user " + request.g.current_user.id


@app.get("/fresh")
@login.fresh
async def fresh(request):
    return "fresh " + request.g.current_user.id


# Nested applications


@inner.get("/")
async def inner_index(request):
    return seen(request)


@inner.get("/<int:n>")
async def inner_number(request, n):
    return seen(request, n=n)


@inner.get("/raise/<kind>")
async def inner_raises(request, kind):
    if kind == "zero":
        return str(1 // 0)
    if kind == "trouble":
        raise Trouble("x")
    abort(418 if kind == "teapot" else 410)


@inner.before_request
async def inner_before(request):
    request.g.trail.append("inner-before")


@inner.after_request
async def inner_after(request, response):
    request.g.trail.append("inner-after")
    return response


@inner.errorhandler(410)
async def inner_gone(request):
    return "inner: gone", 410


@outer.get("/")
async def outer_index(request):
    return seen(request)


@local.get("/")
async def local_index(request):
    return seen(request, trail=request.g.trail)


@local.before_request
async def local_before(request):
    request.g.trail.append("local-before")


@local.after_request
async def local_after(request, response):
    request.g.trail.append("local-after")
    response.headers["X-Local"] = "yes"
    return response


@local.errorhandler(ZeroDivisionError)
async def local_division(request, exception):
    return "local division", 500


@local.get("/zero")
async def local_zero(request):
    return str(1 // 0)


outer.mount(inner, url_prefix="/inner")
app.mount(outer, url_prefix="/outer")
app.mount(local, url_prefix="/local", local=True)


# CORS and CSRF apply to a whole application, so the guarded one is served through ``app``.

cors = CORS(
    guarded,
    allowed_origins=["https://good.example"],
    allow_credentials=True,
    allowed_methods=["GET", "POST"],
    expose_headers=["X-Shown"],
    allowed_headers=["X-Asked"],
    max_age=600,
)
csrf = CSRF(guarded, cors)


@guarded.get("/guarded/read")
async def guarded_read(request):
    return "read"


@guarded.post("/guarded/write")
async def guarded_write(request):
    return "written"


@guarded.post("/guarded/exempt")
@csrf.exempt
async def guarded_exempt(request):
    return "written without care"


@guarded.get("/guarded/protected")
@csrf.protect
async def guarded_protected(request):
    return "read with care"


@app.route("/guarded/<path:path>", methods=["GET", "POST", "PUT"])
async def through_the_guard(request, path):
    return await guarded.dispatch_request(
        Request(
            guarded,
            request.client_addr,
            request.method,
            request.url,
            request.http_version,
            request.headers,
            body=request.body,
            sock=request.sock,
        )
    )


@app.get("/preflight/<path:path>")
async def preflight(request, path):
    """Pass a client's request to the guarded application, as OPTIONS."""
    return await guarded.dispatch_request(
        Request(
            guarded,
            request.client_addr,
            "OPTIONS",
            "/" + path,
            request.http_version,
            request.headers,
            body=b"",
            sock=request.sock,
        )
    )


# Responses that the handler writes to the socket


@app.get("/own/<kind>")
async def own(request, kind):
    writer = request.sock[1]
    if kind == "one":
        await writer.awrite(b"HTTP/1.0 200 OK\r\nX-Own: 1\r\n\r\nbody of its own")
    elif kind == "lines":
        await writer.awrite(b"HTTP/1.0 200 OK\r\n")
        await writer.awrite(b"X-Own: 2\r\n\r\n")
        await writer.awrite(b"body ")
        await writer.awrite(b"in parts")
    return Response.already_handled
