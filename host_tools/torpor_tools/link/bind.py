"""Remove from a module's source what a chip does not need, before it is compiled.

This removes the import of a peer's class, imports of ``typing``, ``typing_extensions``,
``collections.abc`` and ``__future__``, blocks under ``if TYPE_CHECKING:``, type aliases, records,
events, and torpor's decorators (their content is in the wiring). What publishes an event becomes a
call of the publisher that the wiring sets. Nothing else changes, and every line keeps
its number.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from ..contracts import aliases
from ..contracts.events import events, is_handler, pauses, published, waits
from ..contracts.records import field_nodes, record_statements
from ..errors import Problem, Where
from ..python_names import imported_from, is_foreign, parsed
from .edits import Edits
from .missing import HOST_ONLY, moved_name, removed_name
from .module import Module
from .program import Program
from .runtime import DECORATORS, EVENT, LIMITS, MOVED


def run(program: Program) -> None:
    """Bind the modules of the services to their board."""
    for module in list(program.modules.values()):
        if module.part == "service":
            program.modules[module.name], problems = bound(module, program.shelf.erased)
            program.problems += problems
            if _holds_only_records(module, program.shelf.erased) and not _is_imported(
                module, program
            ):
                del program.modules[module.name]


def _holds_only_records(module: Module, erased: frozenset[str]) -> bool:
    """Return whether a module is empty without its records."""
    tree = parsed(module.source, module.file)
    package = module.name if module.is_package else module.name.rpartition(".")[0]
    imported = _imported_types(tree, package, erased)
    types = {*record_statements(tree, imported), *aliases.host_only(tree).values()}
    types |= {*events(tree).values()}
    no_code = (ast.Import, ast.ImportFrom, ast.Constant)
    code = [n.value if isinstance(n, ast.Expr) else n for n in tree.body if n not in types]
    return bool(types) and not module.is_package and all(isinstance(n, no_code) for n in code)


def _imported_types(tree: ast.Module, package: str, erased: frozenset[str]) -> list[str]:
    """The names that a module imports and no device has, from which its records may derive."""
    return [
        alias.asname or alias.name
        for node in (ast.walk(tree) if erased else ())
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if f"{imported_from(node, package)}.{alias.name}" in erased
    ]


def _is_imported(module: Module, program: Program) -> bool:
    """Return whether a module of the service uses this one at run time, not only its types."""
    package, _, name = module.name.rpartition(".")
    inside = [m for m in program.modules.values() if m.name.startswith(package)]
    return any(
        module.name in imports or (package, name) in imports or (module.name, "*") in imports
        for imports in map(_imports, inside)
    )


def _imports(module: Module) -> set[str | tuple[str, str]]:
    """The names of modules that a module imports, and the pairs of module and name."""
    home = module.name if module.is_package else module.name.rpartition(".")[0]
    found: set[str | tuple[str, str]] = set()
    for node in ast.walk(parsed(module.source, module.file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {(imported_from(node, home), alias.name) for alias in node.names}
    return found


def bound(module: Module, erased: frozenset[str] = frozenset()) -> tuple[Module, list[Problem]]:
    """Return the module with the device's text, and what is wrong with it."""
    text, problems = bind(
        module.source, module.name, is_package=module.is_package, file=module.file, erased=erased
    )
    return replace(module, source=text), problems


def bind(
    source: str,
    module: str,
    *,
    is_package: bool,
    file: str,
    erased: frozenset[str] = frozenset(),
) -> tuple[str, list[Problem]]:
    """The device's text of the module ``module`` (dotted name), and what is wrong with it.

    ``erased`` are types of other modules, dotted, that no device has; their imports are removed.

    A name that is removed and still used at run time is a problem. Raises ``SyntaxError`` if
    CPython cannot read the source.
    """
    text, problems = _bind(source, module, is_package, file, erased)
    return text, list(problems)


@lru_cache(maxsize=512)  # the runtime is the same in the next build of this process
def _bind(
    source: str, module: str, is_package: bool, file: str, erased: frozenset[str]
) -> tuple[str, tuple[Problem, ...]]:
    tree = parsed(source, file)
    package = module if is_package else module.rpartition(".")[0]
    work = _Work(Edits(source), module, package, erased)
    work.imports(tree)
    work.aliases = {node: name for name, node in aliases.host_only(tree).items()}
    work.records = record_statements(tree, _imported_types(tree, package, erased))
    work.events = set(events(tree).values())
    if "self.publish" in source:
        work.publications(tree)
    work.block(tree.body, may_be_empty=True)
    problems = work.problems(tree, file)
    return work.edits.apply(), tuple(problems)


@dataclass
class _Work:
    edits: Edits
    module: str
    package: str
    erased: frozenset[str] = frozenset()  # types of other modules, dotted
    gone: dict[str, str] = field(default_factory=dict)  # name -> the module it came from
    removed: set[ast.AST] = field(default_factory=set)  # nodes that are no longer there
    decorators: set[str] = field(default_factory=set)  # as written here: "get", "torpor.get"
    aliases: dict[ast.stmt, str] = field(default_factory=dict)  # what a device cannot compute
    records: dict[ast.stmt, str] = field(default_factory=dict)  # what is a type only
    events: set[ast.ClassDef] = field(default_factory=set)

    # -- what there is, before anything is taken out

    def imports(self, tree: ast.Module) -> None:
        """Find how this module calls torpor's decorators."""
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and self.source_of(node) == "torpor":
                self.decorators |= {a.asname or a.name for a in node.names if a.name in DECORATORS}
            elif isinstance(node, ast.Import):
                for alias in node.names:
                    if alias.name == "torpor":
                        name = alias.asname or alias.name
                        self.decorators |= {f"{name}.{word}" for word in DECORATORS}

    def source_of(self, node: ast.ImportFrom) -> str:
        """The absolute name of the module that ``from ... import`` names."""
        return imported_from(node, self.package)

    def is_peer(self, module: str) -> bool:
        """Return whether a module is the package of another service."""
        own = self.module.split(".")
        return own[0] == "services" and module.count(".") == 1 and is_foreign(module, own[1])

    def publications(self, tree: ast.Module) -> None:
        """Rewrite what publishes events.

        ``self.publish(Door(at=1))`` becomes ``self.publish_Door(self.event_Door(at=1))``. The
        wiring sets both attributes. A call that waits for the subscribers awaits
        ``self.reach_Door``.
        """
        for node in ast.walk(tree):
            if isinstance(node, ast.Await) and (found := published(node)):
                event, made = found
                if isinstance(event, ast.Name):
                    self.publication(node, event, made)

    def publication(self, node: ast.Await, event: ast.Name, made: ast.Call) -> None:
        word = f"self.{'reach' if waits(node) else 'publish'}_{event.id}"
        start, end = self.edits.span(node.value)
        self.edits.replace(start, self.edits.span(event)[1], f"{word}(self.event_{event.id}")
        self.edits.blank(self.edits.span(made)[1], end - 1)
        self.removed.add(event)
        names = [keyword.arg for keyword in made.keywords]
        fields = [[name for name, _ in field_nodes(c)] for c in self.events if c.name == event.id]
        if names in fields:  # values by position are faster
            for keyword in made.keywords:
                start = self.edits.offset(keyword.lineno, keyword.col_offset)
                self.edits.blank(start, self.edits.span(keyword.value)[0])

    # -- taking out

    def block(self, body: Sequence[ast.stmt], may_be_empty: bool = False) -> None:
        """Edit the statements of a block; a block that loses all of them gets a ``pass``."""
        doomed = [statement for statement in body if self.is_doomed(statement)]
        emptied = len(doomed) == len(body) and not may_be_empty
        for statement in body:
            if statement not in doomed:
                self.statement(statement)
            elif (emptied and statement is doomed[0]) or self.edits.shares_line(statement):
                self.edits.replace(*self.edits.span(statement), "pass")
            else:
                self.edits.blank(*self.edits.span(statement))
        for statement in doomed:
            self.forget(statement)

    def is_doomed(self, node: ast.stmt) -> bool:
        """Return whether the statement goes as a whole."""
        if node in self.aliases or node in self.records or node in self.events:
            return True
        if isinstance(node, ast.Import | ast.ImportFrom):
            return not self.kept_names(node)
        if _sets_type_checking(node):
            return True
        return isinstance(node, ast.If) and _asks_type_checking(node.test) and not node.orelse

    def kept_names(self, node: ast.Import | ast.ImportFrom) -> list[ast.alias]:
        """The names of an import that stay."""
        if isinstance(node, ast.Import):
            return [alias for alias in node.names if alias.name not in HOST_ONLY]
        source = self.source_of(node)
        if source == "torpor":
            ours = (*DECORATORS, *LIMITS, EVENT)
            return [alias for alias in node.names if alias.name not in ours]
        # A contract reads peers from absolute imports only.
        peer = not node.level and self.is_peer(source)
        if peer or source in HOST_ONLY:
            return []
        return [alias for alias in node.names if f"{source}.{alias.name}" not in self.erased]

    def forget(self, node: ast.stmt) -> None:
        """Note a removed statement and the names that it bound."""
        self.removed.add(node)
        if isinstance(node, ast.If):
            for statement in node.body:
                self.forget(statement)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            self.forget_names(node, node.names)
        elif node in self.records:
            self.gone[self.records[node]] = "record"
        elif isinstance(node, ast.ClassDef) and node in self.events:
            self.gone[node.name] = "event"
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            self.gone[node.name] = "TYPE_CHECKING"
        elif node in self.aliases:
            self.gone[self.aliases[node]] = "alias"
        elif _sets_type_checking(node):
            self.gone["TYPE_CHECKING"] = "alias"

    def forget_names(self, node: ast.Import | ast.ImportFrom, names: Iterable[ast.alias]) -> None:
        for alias in names:
            name = alias.asname or alias.name.partition(".")[0]
            origin = alias.name if isinstance(node, ast.Import) else self.source_of(node)
            self.gone[name] = "alias" if f"{origin}.{alias.name}" in self.erased else origin

    def statement(self, node: ast.stmt) -> None:
        """Edit a statement that stays."""
        if isinstance(node, ast.Import):
            self.rewrite(node, "import ")
        elif isinstance(node, ast.ImportFrom):
            self.rewrite(node, f"from {'.' * node.level}{node.module or ''} import ")
        elif isinstance(node, ast.If) and _asks_type_checking(node.test):
            self.type_checking_with_else(node)
        else:
            self.decorated(node)
            for body in _blocks(node):
                self.block(body)

    def rewrite(self, node: ast.Import | ast.ImportFrom, head: str) -> None:
        """Leave in an import only the names that stay."""
        kept = self.kept_names(node)
        gone = [alias for alias in node.names if alias not in kept]
        self.forget_names(node, gone)
        self.removed.update(gone)
        ours = isinstance(node, ast.ImportFrom) and self.source_of(node) == "torpor"
        moved = [alias for alias in kept if ours and alias.name in MOVED]
        stays = [alias for alias in kept if alias not in moved]
        parts = [head + ", ".join(map(ast.unparse, stays))] if stays else []
        parts += [f"from {MOVED[alias.name]} import {ast.unparse(alias)}" for alias in moved]
        if len(stays) < len(node.names):
            self.edits.replace(*self.edits.span(node), "; ".join(parts))

    def type_checking_with_else(self, node: ast.If) -> None:
        """Make it ``if False: pass``, so that the rest of the statement stays as it is."""
        self.edits.replace(*self.edits.span(node.test), "False")
        start = self.edits.span(node.body[0])[0]
        for decorator in getattr(node.body[0], "decorator_list", [])[:1]:
            start = self.edits.text.rindex("@", 0, self.edits.span(decorator)[0])
        self.edits.replace(start, self.edits.span(node.body[-1])[1], "pass")
        self.removed.add(node.test)
        for statement in node.body:
            self.forget(statement)
        self.block(node.orelse)

    def decorated(self, node: ast.stmt) -> None:
        """Take torpor's decorators off a function."""
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            return
        text = self.edits.text
        starts = [text.rindex("@", 0, self.edits.span(d)[0]) for d in node.decorator_list]
        starts.append(self.edits.span(node)[0])
        for decorator, start, end in zip(node.decorator_list, starts, starts[1:], strict=False):
            if self.is_ours(decorator):
                # Up to the next decorator or the "def", whose indentation stays.
                self.edits.blank(start, text.rindex("\n", start, end))
        if is_handler(node) and isinstance(node, ast.AsyncFunctionDef) and not pauses(node):
            # A publisher takes a plain function too, which is called twice as fast.
            start = self.edits.span(node)[0]
            self.edits.blank(start, text.index("def", start))

    def is_ours(self, decorator: ast.expr) -> bool:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        return ast.unparse(called) in self.decorators

    # -- checking what is left

    def used(self, nodes: Iterable[ast.AST]) -> dict[str, list[ast.Name]]:
        """The names that are read at run time, with the places."""
        found: dict[str, list[ast.Name]] = {}
        for node in nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found.setdefault(node.id, []).append(node)
        return found

    def run_time(self, node: ast.AST) -> Iterator[ast.AST]:
        """The nodes that the device executes: no annotations, and nothing that was taken out."""
        yield node
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns"):
                continue
            for child in value if isinstance(value, list) else [value]:
                ours = name == "decorator_list" and self.is_ours(child)
                if isinstance(child, ast.AST) and child not in self.removed and not ours:
                    yield from self.run_time(child)

    def problems(self, tree: ast.Module, file: str) -> list[Problem]:
        """Every removed name that the code still reads; ``TYPE_CHECKING`` becomes ``False``."""
        at_run_time = list(self.run_time(tree))
        bound = _bound(at_run_time)
        problems = []
        for name, nodes in self.used(at_run_time).items():
            if name not in self.gone or name in bound:
                continue
            if name == "TYPE_CHECKING":
                for node in nodes:
                    self.edits.replace(*self.edits.span(node), "False")
                continue
            where = Where(file, nodes[0].lineno, nodes[0].col_offset + 1)
            problems.append(removed_name(name, self.gone[name], where))
        return problems + [p for node in at_run_time for p in moved_name(node, file)]


def _sets_type_checking(node: ast.stmt) -> bool:
    """Return whether a statement is ``TYPE_CHECKING = False``, which stands in for the import."""
    return isinstance(node, ast.Assign) and ast.unparse(node) == "TYPE_CHECKING = False"


def _asks_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", "")
    return name == "TYPE_CHECKING"


def _blocks(node: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of statements inside a compound statement."""
    for name in ("body", "orelse", "finalbody"):
        body: list[ast.stmt] = getattr(node, name, [])
        if body:
            yield body
    for part in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
        yield part.body


def _bound(nodes: Iterable[ast.AST]) -> set[str]:
    """The names that some statement among ``nodes`` gives a value."""
    names = set()
    for node in nodes:
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.alias):
            names.add(node.asname or node.name.partition(".")[0])
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
    return names
