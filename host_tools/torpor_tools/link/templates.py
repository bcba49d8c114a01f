"""The pages of ``services/<name>/templates/``, compiled for ``microdot.utemplate``.

On the board ``Template("page.html")`` imports ``templates.page_html``, which utemplate compiles
on first use. The build compiles it with the project's utemplate: the board needs no heap for that,
and a mistake in a page is found early.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ..errors import Problem, Where
from ..files import project_files
from ..libraries.vendor import vendored
from ..project.libraries import VENDOR
from .module import Module, shown
from .program import Program

FOLDER = "templates"
_EXTENSION = "microdot.utemplate"
_PACKAGE = "utemplate"
_SCRIPT = """
import io, json, sys
sys.path.insert(0, sys.argv[1])
from utemplate.source import Compiler, Loader
compiled = {}
for folder, name in json.loads(sys.argv[2]):
    text = io.StringIO()
    try:
        loader = Loader(None, folder)
        with loader.input_open(name) as page:
            Compiler(page, text, loader=loader).compile()
        compile(text.getvalue(), name, "exec")
        compiled[folder + "/" + name] = text.getvalue(), ""
    except Exception as error:
        compiled[folder + "/" + name] = "", f"{type(error).__name__} {error}".strip()
print(json.dumps(compiled))
"""


def run(program: Program) -> None:
    """Add the pages of the board's services, if one of them uses them."""
    if _EXTENSION not in program.modules:
        return
    root = program.plan.cluster.root
    pages = _pages(program)
    compiled = _compiled(program, list(pages.values()))
    for page in pages.values():
        source, wrong = compiled.get(page.as_posix(), ("", ""))
        file = shown(page, root)
        if wrong:
            what = f"utemplate cannot compile this page: {wrong}"
            remedy = "each {% if %} and {% for %} needs its end, each {% include %} its file"
            program.problems.append(Problem(Where(file), what, remedy))
            continue
        name = f"{FOLDER}.{page.name.replace('.', '_')}"
        program.modules[name] = Module(name, False, source, file, "library", FOLDER)
    program.modules = dict(sorted(program.modules.items()))


def _pages(program: Program) -> dict[str, Path]:
    """Return the pages by name. All services of a board share one folder."""
    pages: dict[str, Path] = {}
    root = program.plan.cluster.root
    for service in program.board.services:
        for path in project_files(service.folder / FOLDER, deep=False, within=service.folder):
            other = pages.setdefault(path.name.replace(".", "_"), path)
            if other != path:
                what = f"{shown(other, root)} has the same name, and a board has one {FOLDER}/"
                remedy = f"rename one of them, for example to {service.name}_{path.name}"
                program.problems.append(Problem(Where(shown(path, root)), what, remedy))
    return pages


def _compiled(program: Program, pages: list[Path]) -> dict[str, tuple[str, str]]:
    """Return the source and the error of each page, by its path."""
    root = program.plan.cluster.root
    homes = list(_homes(program, root))
    if not homes or not pages:
        return {}
    names = json.dumps([(page.parent.as_posix(), page.name) for page in pages])
    words = [sys.executable, "-I", "-X", "utf8", "-c", _SCRIPT, str(homes[0]), names]
    done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        what = f"utemplate cannot be loaded: {(done.stderr.splitlines() or ['no reason'])[-1]}"
        program.problems.append(Problem(None, what, "add it again with: torpor add utemplate"))
        return {}
    return {path: tuple(each) for path, each in json.loads(done.stdout).items()}


def _homes(program: Program, root: Path) -> Iterator[Path]:
    for _, locked in vendored(program.plan.cluster):
        if any(name.partition(".")[0] == _PACKAGE for name in locked.modules):
            yield root / VENDOR / locked.name
