"""Microdot's extensions that need another package, sessions and templates, with real requests.

The two packages here are small substitutes with the interfaces of pyjwt (micropython-lib) and
utemplate (PyPI), which cannot be fetched during a test.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.running import Running, running, write_cluster
from tests.host_tools.test_error_cases import problems
from torpor_tools.cli import run

PACKAGES = Path(__file__).parents[1] / "cases" / "packages"
SITE = """
from microdot import Microdot, Response
from microdot.session import Session, with_session
from microdot.utemplate import Template

from torpor import Service

app = Microdot()
Session(app, secret_key="of at least thirty-two characters")


@app.get("/count")
@with_session
async def count(request, session):
    session["n"] = session.get("n", 0) + 1
    session.save()
    return {"n": session["n"]}


@app.get("/forget")
@with_session
async def forget(request, session):
    session.delete()
    return ""


@app.get("/page")
async def page(request):
    text = Template("page.html").render("Reef", [21.5, 22])
    return text, {"Content-Type": "text/html"}


@app.get("/pieces")
async def pieces(request):
    return Template("page.html").generate_async("Pond", [])


class Site(Service):
    app = app
"""
PAGE = """{% args title, temperatures %}{% include "head.html" %}<h1>{{title}}</h1>
{% for t in temperatures %}<li>{{t}} °C</li>{% endfor %}"""


def write_project(root: Path) -> Path:
    write_cluster(root, {"site": SITE})
    folder = root / "services" / "site" / "templates"
    folder.mkdir()
    (folder / "page.html").write_text(PAGE, encoding="utf-8")
    (folder / "head.html").write_text("<title>Water</title>")
    assert run(["-C", str(root), "add", "pyjwt", "--from", str(PACKAGES / "jwt.py")]) == 0
    assert run(["-C", str(root), "add", "utemplate", "--from", str(PACKAGES / "engine")]) == 0
    return root


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(write_project(tmp_path_factory.mktemp("packages") / "project")) as cluster:
        yield cluster


def test_a_session_counts_and_refuses_a_forged_cookie(site: Running) -> None:
    with site.client("site") as client:
        assert [client.get("/count").json()["n"] for _ in range(3)] == [1, 2, 3]
        token = client.cookies["session"]
        client.cookies.clear()
        forged = token[:-2] + ("AA" if token[-2:] != "AA" else "BB")
        assert client.get("/count", headers={"Cookie": f"session={forged}"}).json() == {"n": 1}
        client.cookies.clear()
        assert client.get("/count", headers={"Cookie": f"session={token}"}).json() == {"n": 4}
        client.get("/forget")
        assert client.get("/count").json() == {"n": 1}


def test_a_template_is_rendered_whole_and_in_pieces(site: Running) -> None:
    with site.client("site") as client:
        page = client.get("/page")
        assert page.headers["content-type"].startswith("text/html")
        head = "<title>Water</title>"
        assert page.text == f"{head}<h1>Reef</h1>\n<li>21.5 °C</li><li>22 °C</li>"
        assert client.get("/pieces").text == f"{head}<h1>Pond</h1>\n"


def test_a_page_that_cannot_be_compiled_is_found_by_the_build(tmp_path: Path) -> None:
    root = write_project(tmp_path / "project")
    folder = root / "services" / "site" / "templates"
    (folder / "end.html").write_text("{% endfor %}")
    (folder / "expression.html").write_text("{{ 1 + }}")
    (folder / "include.html").write_text('{% include "nobody.html" %}')
    found = problems(root)
    assert [text.partition("\n")[0].partition(":")[0] for text in found] == [
        "services/site/templates/end.html",
        "services/site/templates/expression.html",
        "services/site/templates/include.html",
    ], found
    assert "an end without its beginning" in found[0]
