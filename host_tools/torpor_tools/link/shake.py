"""Removes code that nothing in the image names, from packages and from parts of the runtime.

A user of a package is a module that imports it, or another module of the same service, because it
may hold an object of the package. A function, class or method of the package stays if any user, or
code of the package that stays, has its name in it: as a name, an attribute, a keyword or a word of
a string. This is a search for words, not for types, so it errs on the side of keeping. If a service
looks up attributes by names that it makes at run time, the packages stay whole.

All modules of the image are users of the runtime's ``SHAKEN`` modules. The ``start`` of one stays
only if the wiring imports it, because the kernel calls it then. Of ``COLLECTIONS`` only the names
that something imports count. A module of the runtime that only removed code imported goes too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from ..contracts.firmware import firmware
from ..python_names import parsed
from .edits import Edits
from .imports import imports, reached
from .module import Module
from .program import Program
from .runtime import COLLECTIONS, SHAKEN

# Methods that the firmware calls on objects of any class: block devices, streams, buses.
_PROTOCOLS = """
    readblocks writeblocks ioctl mount umount open ilistdir stat statvfs chdir getcwd mkdir remove
    rename rmdir read readinto readline write close send recv reset readbit writebit readbyte
    writebyte select_rom scan wait_closed drain
"""
_OURS = ("service", "library")  # the parts that the project's authors write

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_WORD = re.compile(r"[^\W\d]\w*")
_LOOK_UPS = ("getattr", "eval", "exec", "__import__", "__dict__", "dir", "globals")
_PLAIN_BASES = ("object", "Exception")  # what MicroPython itself calls of these is dunder only
# Decorators that do not use what they decorate: methods, and marks (see ``split``).
_PLAIN_DECORATORS = ("property", "staticmethod", "classmethod", "cold", "startup")


def run(program: Program) -> None:
    """Shake the packages and the runtime of the program."""
    whole = [entry.name for entry in program.plan.cluster.libraries if entry.whole]
    left = program.modules
    while True:
        shaken = without_unused(left.values(), program.start, whole)
        every = {module.name: module for module in shaken}
        needed = reached(every, [*program.start, *(m for m in shaken if m.part != "runtime")])
        left = {n: m for n, m in every.items() if m.part != "runtime" or n in needed}
        if len(left) == len(every):
            break
    program.modules = left


def without_unused(
    modules: Iterable[Module], start: Iterable[Module] = (), whole: Iterable[str] = ()
) -> list[Module]:
    """Return the modules of an image without code that nothing names.

    Every line keeps its number.

    Args:
        modules: The modules of the image.
        start: The files that start the chip, which use them too.
        whole: The libraries that stay whole.
    """
    every = _without_unused_of_libraries(list(modules), list(start), whole)
    shaken: dict[str, Module] = {}
    packages = {m.name.partition(".")[0] for m in every if m.part == "dependency" and not m.library}
    for package in packages:
        own = [m for m in every if m.part == "dependency" and _top(m.name) == package]
        users = _users(every, package)
        if not any(m.part in _OURS and _looks_up(m.source) for m in users):
            words = {word for m in users for word in _words_of(m.source)}
            shaken.update({m.name: m for m in _shake(own, words)})
    collections = [m for m in every if m.name in COLLECTIONS]
    for module in collections:
        shaken[module.name] = _shake([module], _imported_from(module.name, every))[0]
    every = [shaken.get(m.name, m) for m in every]
    if any(m.part in _OURS and _looks_up(m.source) for m in every):
        return every
    own = [m for m in every if m.name in SHAKEN]
    others = [m for m in every if m not in own]
    words = {word for m in [*others, *start] for word in _words_of(m.source)}
    parts = {item.name for m in every if m.name == "cluster" for item in imports(m)}
    shaken = {m.name: m for m in _shake(own, words, {*SHAKEN} - parts)}
    return [shaken.get(m.name, m) for m in every]


def _imported_from(name: str, modules: Iterable[Module]) -> set[str]:
    """The names that the modules import from the module of that name."""
    every = (item.name for module in modules for item in imports(module))
    return {item.rpartition(".")[2] for item in every if item.rpartition(".")[0] == name}


def _without_unused_of_libraries(
    every: list[Module], start: list[Module], whole: Iterable[str]
) -> list[Module]:
    """Shake the libraries; all modules of the image, and the firmware, use each of them.

    They stay whole if the code of a service or a library makes names at run time.
    """
    libraries = {m.library for m in every if m.library} - set(whole)
    if any(_looks_up(m.source) for m in every if m.library or m.part == "service"):
        return every
    shaken: dict[str, Module] = {}
    for library in libraries:
        own = [m for m in every if m.library == library]
        words = {w for m in [*every, *start] if m not in own for w in _words_of(m.source)}
        shaken.update({m.name: m for m in _shake(own, words | _firmware_words())})
    return [shaken.get(m.name, m) for m in every]


@lru_cache
def _firmware_words() -> frozenset[str]:
    """The names by which the firmware of any port may call an object: ``readblocks``, ``write``."""
    tables = [firmware(port) for port in ("rp2", "unix")]
    groups = [names for has in tables for names in (*has.modules.values(), *has.members.values())]
    return frozenset({*_PROTOCOLS.split()}.union(*groups))


def _users(modules: list[Module], package: str) -> list[Module]:
    """The modules outside a package that may hold something of it."""
    importers = [
        m
        for m in modules
        if m.part != "dependency" and any(_top(item.name) == package for item in imports(m))
    ]
    homes = {_home(m.name) for m in importers if m.part == "service"}
    beside = [m for m in modules if m.part == "service" and _home(m.name) in homes]
    # What a part of the runtime imports may be handed objects of the package.
    named = {item.name for m in importers if m.part == "runtime" for item in imports(m)}
    handed = [m for m in modules if m.part == "runtime" and m.name in named]
    # A service may pass them to any function of a library.
    shared = [m for m in modules if m.library]
    return list({m.name: m for m in [*importers, *beside, *handed, *shared]}.values())


def _shake(modules: list[Module], words: set[str], not_started: Iterable[str] = ()) -> list[Module]:
    trees = [(module, parsed(module.source)) for module in modules]
    candidates: list[_Candidate] = []
    for module, tree in trees:
        words |= _words_outside(tree, list(_candidates(module, tree)))
        candidates += _candidates(module, tree)
    gone = [c for c in candidates if c.node.name == "start" and c.module.name in not_started]
    candidates = [c for c in candidates if c not in gone]
    while found := [c for c in candidates if not c.lives and c.node.name in words]:
        for candidate in found:
            candidate.lives = True
            words |= _words_outside(candidate.node, candidate.inside)
            candidates += candidate.inside
    candidates += gone
    return [_cut(module, [c for c in candidates if c.module is module]) for module in modules]


@dataclass
class _Candidate:
    """A definition that may go; ``inside`` are those of a class."""

    module: Module
    node: _Definition
    inside: list[_Candidate]
    lives: bool = False


def _candidates(module: Module, tree: ast.Module | ast.ClassDef) -> Iterator[_Candidate]:
    # A class keeps its first statement, for it must have one.
    for node in tree.body[0 if isinstance(tree, ast.Module) else 1 :]:
        if not isinstance(node, _Definition) or node.name.startswith("__"):
            continue
        names = [d.id if isinstance(d, ast.Name) else "" for d in node.decorator_list]
        if all(name in _PLAIN_DECORATORS for name in names):
            yield _Candidate(module, node, _methods(module, node))


def _methods(module: Module, node: _Definition) -> list[_Candidate]:
    """The methods of a class that may go: none if a base of it may call them."""
    if not isinstance(node, ast.ClassDef) or node.decorator_list or node.keywords:
        return []
    bases = [base.id if isinstance(base, ast.Name) else "" for base in node.bases]
    if not all(base in _PLAIN_BASES for base in bases):
        return []
    return list(_candidates(module, node))


def _words_outside(tree: ast.AST, candidates: list[_Candidate]) -> set[str]:
    """The words of a tree, but for those in the candidates that it has."""
    return set(_words(tree, {candidate.node for candidate in candidates}))


@lru_cache(maxsize=1024)  # most modules are the same in the next build of this process
def _words_of(source: str) -> frozenset[str]:
    return frozenset(_words(parsed(source)))


def _words(tree: ast.AST, without: Iterable[ast.AST] = ()) -> Iterator[str]:
    if isinstance(tree, ast.Name):
        yield tree.id
    elif isinstance(tree, ast.Attribute):
        yield tree.attr
    elif isinstance(tree, ast.alias):
        yield from tree.name.split(".")
    elif isinstance(tree, ast.keyword) and tree.arg:
        yield tree.arg
    elif isinstance(tree, ast.Constant):
        text = tree.value.decode("latin-1") if isinstance(tree.value, bytes) else tree.value
        if isinstance(text, str):
            yield from _WORD.findall(text)
    elif isinstance(tree, ast.Expr) and isinstance(tree.value, ast.Constant):
        return  # a docstring
    for child in ast.iter_child_nodes(tree):
        if child not in without:
            yield from _words(child, without)


@lru_cache(maxsize=512)
def _looks_up(source: str) -> bool:
    """Return whether names are made at run time: ``getattr(x, "name")`` does not."""
    for node in ast.walk(parsed(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            literal = len(node.args) > 1 and isinstance(node.args[1], ast.Constant)
            if name in _LOOK_UPS and not (name == "getattr" and literal):
                return True
        elif isinstance(node, ast.Attribute) and node.attr == "__dict__":
            return True
    return False


def _cut(module: Module, candidates: list[_Candidate]) -> Module:
    edits = Edits(module.source)
    for candidate in candidates:
        node = candidate.node
        if not candidate.lives and not edits.shares_line(node):
            first = node.decorator_list[0] if node.decorator_list else node
            start = edits.offset(first.lineno, 0)
            edits.blank(start, edits.span(node)[1])
    return replace(module, source=edits.apply())


def _top(name: str) -> str:
    return name.partition(".")[0]


def _home(name: str) -> str:
    return ".".join(name.split(".")[:2])
