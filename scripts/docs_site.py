"""MkDocs hook: writes the reference from docstrings and from the commands' help pages.

It also takes pages into the site that live next to the code they describe. Device code is read as
text, never imported. Pages exist in the site only; nothing is written into ``docs/``.
"""

from __future__ import annotations

import ast
import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from torpor_tools.cli import GROUPS, root
from torpor_tools.files import project_files

ROOT = Path(__file__).parents[1]
_VERSION = re.compile(r"(\d+\.\d+\.\d+)(\w*)$")
# Pages of the site that are files elsewhere in the tree.
ELSEWHERE = {
    "boards.md": "boards/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "examples.md": "examples/README.md",
    "internals/ports.md": "firmware/ports/README.md",
    "internals/simulator.md": "sim/README.md",
}
# Classes and groups of functions that users call: title, folder, names, introduction.
PUBLIC = {
    "Services": [
        ("Service", "firmware/torpor", ["Service"], ""),
        ("Fault", "firmware/torpor", ["Fault"], ""),
        (
            "Decorators",
            "firmware/torpor",
            ["get", "post", "put", "delete", "safe", "every", "daily", "on_wake", "on"],
            "`from torpor import get, post, put, delete, safe, every, daily, on_wake, on`. "
            "The build reads them from the source; a chip never runs them.",
        ),
        (
            "Limits",
            "firmware/torpor",
            ["Range", "Length", "Pattern"],
            "`from torpor import Length, Pattern, Range`, for `Annotated` types.",
        ),
        (
            "Event",
            "firmware/torpor",
            ["Event"],
            "`from torpor import Event`, the base class of events.",
        ),
        ("deadline", "firmware/torpor", ["deadline"], ""),
        (
            "Store",
            "firmware/torpor/store",
            ["Store"],
            "`self.store` of a service, and the fixture `store`.",
        ),
        (
            "Table",
            "firmware/torpor/store",
            ["Table", "Scan"],
            "Returned by `self.store.table(name)`. `Table.scan` and `Table.pages` return a `Scan`.",
        ),
        ("State", "firmware/torpor/store", ["State"], "`self.state` of a service."),
        ("Log", "firmware/torpor", ["Log"], "`self.log` of a service."),
        ("clock", "firmware/torpor/clock.py", [], "`from torpor import clock`."),
        ("system", "firmware/torpor/system.py", [], "`from torpor import system`."),
        (
            "Info",
            "firmware/torpor",
            ["Info", "Network", "Heap", "Connections"],
            "Returned by `system.info()`, and part of it.",
        ),
    ],
    "Tests": [
        ("start", "firmware/torpor_test", ["Start"], "The fixture `start`."),
        (
            "client",
            "firmware/torpor_test",
            ["Client", "SocketClient"],
            "The fixtures `client` and `socket_client`.",
        ),
        ("Answer", "firmware/torpor_test", ["Answer"], "Returned by the fixture `client`."),
        ("WebSocket", "firmware/torpor_test", ["WebSocket"], "From `client.websocket(path)`."),
        ("Clock", "firmware/torpor_test", ["Clock"], "The fixture `clock`."),
        ("Events", "firmware/torpor_test", ["Events"], "The fixture `events`."),
        ("Board", "firmware/torpor_test", ["Board"], "The fixture `board`."),
        (
            "cluster",
            "host_tools/torpor_tools/pytest_plugin",
            ["cluster", "Running"],
            "The fixture `cluster` of tests in `tests/cluster/`. It is a `Running`.",
        ),
    ],
    "Tools": [
        (
            "testing",
            "host_tools/torpor_tools",
            ["simulator"],
            "`from torpor_tools.testing import simulator`.",
        ),
        ("Simulator", "sim/torpor_sim", ["Simulator"], "`from torpor_sim import Simulator`."),
        ("SimBoard", "sim/torpor_sim", ["SimBoard"], "`Simulator.board(name)`."),
        ("Inputs", "sim/torpor_sim", ["Inputs"], "`SimBoard.inputs`."),
        ("LogLine", "sim/torpor_sim", ["LogLine"], "Returned by `SimBoard.wait_log`."),
    ],
}


def on_config(config: Any) -> Any:
    """Name the version, give it a folder, and add the generated pages to the navigation."""
    config.site_name = f"torpor {_version()}"
    config.site_dir = str(Path(config.site_dir) / _version())
    commands: list[dict[str, Any]] = [{"Overview": "reference/cli/index.md"}]
    commands += [{name: f"reference/cli/{name}.md"} for name in _commands()]
    classes = [
        {group: [{title: f"reference/{group.lower()}/{title}.md"} for title, *_ in pages]}
        for group, pages in PUBLIC.items()
    ]
    for section in config.nav:
        if "Reference" in section:
            section["Reference"] = [{"Commands": commands}, *classes, *section["Reference"]]
    _add_new_pages(config)
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the generated pages and those from elsewhere in the tree."""
    from mkdocs.structure.files import File

    pages = {**_cli_pages(), **_api_pages()}
    for target, source in ELSEWHERE.items():
        pages[target] = _moved((ROOT / source).read_text(), source, target)
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point links that leave docs/ to the page of the site, or leave their text only."""
    if page.file.generated_by:
        return markdown
    return _moved(markdown, "docs/" + page.file.src_uri, page.file.src_uri)


def on_post_build(config: Any) -> None:
    """List the version among those that were built into the same folder before."""
    list_versions(Path(config.site_dir).parent)


def list_versions(folder: Path) -> None:
    """Write the list of a site's versions for ``docs/assets/versions.js``, and its first page.

    Args:
        folder: It has a folder for each version.
    """
    built = [
        page.parent for page in folder.glob("*/index.html") if _VERSION.match(page.parent.name)
    ]
    built.sort(key=lambda version: _order(version.name), reverse=True)
    pages = {
        version.name: sorted(
            page.relative_to(version).as_posix() for page in version.rglob("*.html")
        )
        for version in built
    }
    text = f"window.torporVersions = {json.dumps(pages)};\n"
    (folder / "versions.js").write_text(text, encoding="utf-8")
    newest = f"{built[0].name}/index.html"
    text = f'<!doctype html>\n<meta http-equiv="refresh" content="0; url={newest}">\n'
    (folder / "index.html").write_text(text, encoding="utf-8")


def _order(version: str) -> tuple[list[int], bool, str]:
    """Return a key that puts 0.10.0 after 0.9.0, and 1.0.0rc1 before 1.0.0."""
    match = _VERSION.match(version)
    assert match
    return list(map(int, match[1].split("."))), not match[2], match[2]


def _add_new_pages(config: Any) -> None:
    """Put pages that the navigation lacks at the end of the section of their folder."""
    named = set(re.findall(r"[\w/-]+\.md", str(config.nav)))
    for title, folder in (("Guides", ""), ("Internals", "internals/")):
        pages = project_files(ROOT / "docs" / folder, "*.md", deep=False)
        new = [folder + page.name for page in pages if folder + page.name not in named]
        for section in config.nav:
            section.get(title, []).extend(new)


def _moved(text: str, source: str, target: str) -> str:
    """Rewrite a page's relative links for the place that it has in the site."""

    def link(match: re.Match[str]) -> str:
        path, anchor = match["path"], match["anchor"] or ""
        if ":" in path or not path:
            return match[0]
        named = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        pages = {old: new for new, old in ELSEWHERE.items()}
        if named in pages or named.startswith("docs/"):
            page = pages.get(named, named.removeprefix("docs/"))
            path = posixpath.relpath(page, posixpath.dirname(target) or ".")
            return f"[{match['text']}]({path}{anchor})"
        return match["text"]  # a file that the site does not have

    link_to = r"\[(?P<text>[^][]*)\]\((?P<path>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)"
    return re.sub(link_to, link, text)


# Commands


def _commands() -> list[str]:
    return [name for _, entries in GROUPS for entry in entries for name in entry.commands]


def _cli_pages() -> dict[str, str]:
    context = click.Context(root, info_name="torpor")
    pages = {"reference/cli/index.md": _overview()}
    for name in _commands():
        command = root.get_command(context, name)
        assert command
        pages[f"reference/cli/{name}.md"] = "\n".join(_command_page(command, name, context))
    return pages


def _overview() -> str:
    lines = ["# Commands", "", "`torpor COMMAND --help` shows each of these pages in a terminal."]
    for title, entries in GROUPS:
        lines += ["", f"## {title}", "", "| command | |", "| --- | --- |"]
        for entry in entries:
            names = ", ".join(f"[{name}]({name}.md)" for name in entry.commands)
            lines.append(f"| {names} | {entry.summary} |")
    return "\n".join(lines) + "\n"


def _command_page(
    command: click.Command, name: str, parent: click.Context, level: int = 1
) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    yield f"{'#' * level} {context.command_path}"
    yield ""
    yield _markdown(command.help or "")
    yield ""
    if not isinstance(command, click.Group):
        yield "```text"
        yield f"{context.command_path} {' '.join(command.collect_usage_pieces(context))}"
        yield "```"
        yield ""
    yield from _table("argument", getattr(command, "arguments", ()))
    yield from _table("option", _options(command, context))
    examples = getattr(command, "examples", ())
    if examples:
        yield from ("```sh", *(f"{line}  # {note}" for line, note in examples), "```", "")
    if isinstance(command, click.Group):
        for child, below in command.commands.items():
            yield from _command_page(below, child, context, level + 1)


def _options(command: click.Command, context: click.Context) -> list[tuple[str, str]]:
    options = [p for p in command.get_params(context) if isinstance(p, click.Option)]
    records = [option.get_help_record(context) for option in options]
    return [record for record in records if record]


def _table(title: str, rows: Any) -> Iterator[str]:
    if rows:
        yield from (f"| {title} | |", "| --- | --- |")
        for first, second in rows:
            yield f"| `{first}` | {_markdown(second)} |".replace("\n", " ")
        yield ""


# Classes and functions


def _api_pages() -> dict[str, str]:
    return {
        f"reference/{group.lower()}/{title}.md": "\n".join(
            _api_page(title, folder, names, introduction)
        )
        for group, pages in PUBLIC.items()
        for title, folder, names, introduction in pages
    }


def _api_page(title: str, folder: str, names: list[str], introduction: str) -> Iterator[str]:
    yield from (f"# {title}", "", introduction, "")
    if not names:  # a module: all its public functions
        tree = ast.parse((ROOT / folder).read_text())
        yield from (_docstring(tree), "")
        for node in tree.body:
            if isinstance(node, FUNCTIONS) and _is_documented(node):
                yield from _function(node, 2)
    for name in names:
        yield from _described(_find(folder, name), 2 if len(names) > 1 else 1)


# Methods that the runtime itself calls.
INTERNAL = {
    "Store": ("write", "flush"),
    "Table": ("apply", "find", "last", "merged", "recent", "text", "walk"),
}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _find(folder: str, name: str) -> Any:
    """Return the class or function of that name in a folder, wherever its module is."""
    for path in project_files(ROOT / folder, "*.py"):
        for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.ClassDef, *FUNCTIONS)) and node.name == name:
                return node
    raise LookupError(f"{folder} has no {name}: correct PUBLIC in scripts/docs_site.py")


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield the statements of a module, with those that only type checkers read."""
    for node in tree.body:
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from node.body


def _described(node: Any, level: int) -> Iterator[str]:
    if isinstance(node, FUNCTIONS):
        yield from _function(node, 2)
        return
    if level > 1:
        yield from (f"## {node.name}", "")
    yield from (_docstring(node), "")
    if fields := _fields(node):
        yield from ("```python", *fields, "```", "")
    for method in node.body:
        if isinstance(method, FUNCTIONS) and method.name in INTERNAL.get(node.name, ()):
            continue
        if isinstance(method, FUNCTIONS) and _is_documented(method):
            yield from _function(method, level + 1)


def _fields(node: ast.ClassDef) -> list[str]:
    """Return the fields of a class that has its values in them: a dataclass, a typed dict."""
    kinds = " ".join(map(ast.unparse, (*node.bases, *node.decorator_list)))
    if not re.search("TypedDict|NamedTuple|dataclass", kinds):
        return []
    return [
        ast.unparse(field)
        for field in node.body
        if isinstance(field, ast.AnnAssign) and not ast.unparse(field).startswith("_")
    ]


def _is_documented(node: Any) -> bool:
    if any("setter" in ast.unparse(mark) for mark in node.decorator_list):
        return False
    return not node.name.startswith("_") and bool(ast.get_docstring(node))


def _function(node: Any, level: int) -> Iterator[str]:
    arguments = re.sub(r"^self(, )?", "", ast.unparse(node.args))
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    kind = "async " if isinstance(node, ast.AsyncFunctionDef) else ""
    yield from (f"{'#' * level} {node.name}", "", "```python")
    if any(ast.unparse(mark) == "property" for mark in node.decorator_list):
        yield f"{node.name}{result.replace(' ->', ':', 1)}"
    else:
        yield f"{kind}{node.name}({arguments}){result}"
    yield from ("```", "", _docstring(node), "")


def _docstring(node: Any) -> str:
    return _markdown(ast.get_docstring(node) or "")


def _markdown(text: str) -> str:
    """Turn a docstring with Google sections into Markdown."""
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    lines = []
    section = False
    for line in text.splitlines():
        if heading := re.fullmatch(
            r"(Args|Returns|Raises|Attributes|Yields|Example|Examples):", line
        ):
            section = True
            lines += ["", f"**{heading[1].replace('Args', 'Arguments')}**", ""]
        elif section and (item := re.fullmatch(r"    (\*{0,2}[\w. ,*]+): (.*)", line)):
            lines.append(f"- `{item[1]}`: {item[2]}")
        elif section and line.startswith("    "):
            below = bool(lines) and lines[-1].startswith(("-", "  "))
            lines.append("  " * below + line.strip())
        else:
            section = section and not line.strip()
            lines.append(line)
    return "\n".join(lines)


def _version() -> str:
    line = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert line
    return line[1]
