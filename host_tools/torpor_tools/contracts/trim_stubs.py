"""Removes names from type stubs that a board's firmware does not have.

MicroPython's stubs come from typeshed for the builtins and asyncio, and from the documentation of
all ports for the chip's modules. They contain methods, functions and keyword arguments that no
firmware has. ``trim`` keeps only those that we found in MicroPython (``firmware/``), so that mypy
refuses uses of the others. Positions and comments are lost, but no message shows a place in a stub.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from .firmware import Firmware

_Function = ast.FunctionDef | ast.AsyncFunctionDef
# No firmware has these: mypy needs them, or they are instructions to mpy-cross.
_VIPER = ("ptr", "ptr8", "ptr16", "ptr32", "uint")
_STUB_ONLY = {
    "builtins": {*_VIPER, "const", "ellipsis", "function", "reveal_locals", "reveal_type"},
    "micropython": {"asm_rv32", "asm_thumb", "asm_xtensa", "native", "viper"},
}
# Bases without the abstract class whose methods MicroPython's own type does not have.
_BASES = {
    "array.array": "Sequence[_T]",
    "builtins.bytearray": "Sequence[int]",
    "collections.deque": "Sequence[_T]",
    "_collections_abc.dict_items": "Collection[tuple[_KT_co, _VT_co]], Generic[_KT_co, _VT_co]",
    "_collections_abc.dict_keys": "Collection[_KT_co], Generic[_KT_co, _VT_co]",
}
# These must stay sequences, and lack methods that the abstract class Sequence has.
_SEQUENCES = ("array.array", "builtins.memoryview", "builtins.range", "collections.deque")
_OF_SEQUENCES = ("count", "index")
_MISSING = """
@property
def {name}(self) -> _{cls}_has_no_{name}: ...
"""
# Operators of a class that behave as those of another.
_LIKE = {"dict_items": "dict_keys"}
# In CPython asyncio's class is the builtin of that name, which the firmware lacks.
_ASYNCIO = "class TimeoutError(Exception): ..."


def trim(stdlib: Path, has: Firmware) -> None:
    """Rewrite the stubs below ``stdlib`` for this firmware."""
    for name in (*sorted(has.modules), "_collections_abc"):
        package = stdlib / name / "__init__.pyi"
        file = package if package.is_file() else stdlib / f"{name}.pyi"
        if file.is_file():
            tree = ast.parse(file.read_text(encoding="utf-8"))
            if name == "asyncio":
                tree = _explicit(tree, file.parent, has.modules[name])
            _Trimmer(name, has, _referenced(tree)).trim(tree)
            file.write_text(_text(tree), encoding="utf-8", newline="\n")

    for file in sorted((stdlib / "asyncio").glob("*.pyi")):
        if file.stem != "__init__":
            _trim_classes(file, "asyncio", has)
            _trim_functions(file, "asyncio", has)
    for file in (stdlib / "_mpy_shed").glob("__init__.pyi"):
        _trim_classes(file, "hashlib", has)  # it has what the hashes have in common


def _trim_classes(file: Path, module: str, has: Firmware) -> None:
    """Trim the classes of ``module`` that another stub defines for it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    trimmer = _Trimmer(module, has, set())
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            trimmer.members(node)
    file.write_text(_text(tree), encoding="utf-8", newline="\n")


def _trim_functions(file: Path, module: str, has: Firmware) -> None:
    """Trim the arguments of the functions of ``module`` that another stub defines for it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    trimmer = _Trimmer(module, has, set())
    trimmer.names = None  # those of the package do not say what this stub needs
    trimmer.trim(tree)
    file.write_text(_text(tree), encoding="utf-8", newline="\n")


def _text(tree: ast.Module) -> str:
    return ast.unparse(ast.fix_missing_locations(tree)) + "\n"


def _explicit(tree: ast.Module, folder: Path, names: frozenset[str]) -> ast.Module:
    """A package's stub that imports by name those of ``names`` in ``from .x import *``."""
    body: list[ast.stmt] = []
    for node in _flat(tree.body):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            body.append(node)
            continue
        file = folder / f"{node.module}.pyi"
        wanted = [alias.asname or alias.name for alias in node.names if alias.name != "*"]
        if len(wanted) < len(node.names) and file.is_file():
            wanted += _defined(ast.parse(file.read_text(encoding="utf-8")))
        aliases = [ast.alias(name, name) for name in dict.fromkeys(wanted) if name in names]
        if aliases and file.is_file():
            body.append(ast.ImportFrom(node.module, aliases, node.level))
    return ast.Module([*body, *ast.parse(_ASYNCIO).body], [])


def _flat(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a block, those under ``if sys.version_info`` among them."""
    for node in body:
        if isinstance(node, ast.If):
            yield from _flat(node.body)
        else:
            yield node


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in _flat(tree.body):
        if isinstance(node, _Function | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id
        elif isinstance(node, ast.Assign):
            yield from (t.id for t in node.targets if isinstance(t, ast.Name))


def _referenced(tree: ast.Module) -> set[str]:
    """The names that the stub itself uses, as the types of something; no class for its own."""
    names: set[str] = set()
    for node in _flat(tree.body):
        inside = {inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name)}
        names |= inside - {node.name} if isinstance(node, ast.ClassDef) else inside
    return names


class _Trimmer:
    """Removes names from one module's stub."""

    def __init__(self, module: str, has: Firmware, referenced: set[str]) -> None:
        self.module = module
        self.has = has
        self.names = has.modules.get(module)
        self.referenced = referenced
        self.markers: list[ast.stmt] = []  # classes of ``_MISSING``

    def trim(self, tree: ast.Module) -> None:
        tree.body = [*self.block(tree.body), *self.markers]

    def block(self, body: list[ast.stmt]) -> list[ast.stmt]:
        left: list[ast.stmt] = []
        for node in body:
            if isinstance(node, ast.If):
                node.body = self.block(node.body) or [ast.Pass()]
                node.orelse = self.block(node.orelse)
            elif self.lacks(node):
                continue
            elif isinstance(node, ast.ClassDef):
                self.members(node)
            elif isinstance(node, _Function) and not self.fit(node, node.name, bound=False):
                continue
            left.append(node)
        return _single_overloads(left)

    def exported(self, node: ast.ImportFrom) -> list[ast.alias]:
        """Keep what the firmware has of ``from x import y as y``, which exports ``y`` here."""
        node.names = [a for a in node.names if a.asname != a.name or not self.is_absent(a.name)]
        return node.names

    def lacks(self, node: ast.stmt) -> bool:
        """Return whether the firmware lacks what the statement defines."""
        if self.names is None:
            return False
        if isinstance(node, ast.ImportFrom):
            return not self.exported(node)
        if isinstance(node, _Function):
            return self.is_absent(node.name)
        if isinstance(node, ast.ClassDef):
            # A class for annotations costs nothing, because the device has no annotations.
            needed = node.name in self.referenced and self.module != "builtins"
            return self.is_absent(node.name) and not needed
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            alias = ast.unparse(node.annotation).endswith("TypeAlias")
            return not alias and self.is_absent(node.target.id)
        # IOError = OSError, I = RegexFlag.I
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            return all(self.is_absent(name) for name in names)
        return False

    def is_absent(self, name: str) -> bool:
        assert self.names is not None
        if name.startswith("_") or name in self.names or name in _STUB_ONLY.get(self.module, ()):
            return False
        # Of a module that was not asked on this port, only what is CPython's is known to be absent.
        return self.module not in self.has.alike or hasattr(import_module(self.module), name)

    # -- classes

    def members(self, cls: ast.ClassDef) -> None:
        """Remove from a class what the firmware's class does not have."""
        key = f"{self.module}.{cls.name}"
        if key in _BASES:
            cls.bases = _expressions(_BASES[key])
        known = self.has.members.get(key)
        instance = self.has.instances.get(key)
        names = (
            None if known is None and instance is None else (known or set()) | (instance or set())
        )
        cls.body = self.class_block(cls.name, cls.body, names, instance is not None) or [ast.Pass()]
        if key in _SEQUENCES and names is not None:
            self.hide_inherited(cls, [name for name in _OF_SEQUENCES if name not in names])

    def hide_inherited(self, cls: ast.ClassDef, names: list[str]) -> None:
        """Override methods of an abstract class so that mypy refuses to call them."""
        for name in names:
            cls.body += ast.parse(_MISSING.format(cls=cls.name, name=name)).body
            self.markers += ast.parse(f"class _{cls.name}_has_no_{name}: ...").body

    def class_block(
        self, cls: str, body: list[ast.stmt], names: set[str] | frozenset[str] | None, whole: bool
    ) -> list[ast.stmt]:
        left: list[ast.stmt] = []
        for node in body:
            if isinstance(node, ast.If):
                node.body = self.class_block(cls, node.body, names, whole) or [ast.Pass()]
                node.orelse = self.class_block(cls, node.orelse, names, whole)
            elif (name := _member(node)) and self.member_is_absent(cls, node, name, names, whole):
                continue
            elif isinstance(node, _Function):
                constructor = node.name in ("__new__", "__init__")
                known_as = cls if constructor else f"{cls}.{node.name}"
                if not self.fit(node, known_as, bound=not _is_static(node)):
                    continue
            left.append(node)
        return _single_overloads(left)

    def member_is_absent(
        self,
        cls: str,
        node: ast.stmt,
        name: str,
        names: set[str] | frozenset[str] | None,
        whole: bool,
    ) -> bool:
        if self.refuses(f"{cls}.{name}") or self.refuses(f"{_LIKE.get(cls)}.{name}"):
            return True
        if names is None or name.startswith("_") or name in names:
            return False
        # Of a class that was asked without an instance only the methods are known.
        return whole or (isinstance(node, _Function) and not _is_property(node))

    def refuses(self, key: str) -> bool:
        """Return whether the firmware refuses it; results for bytes also apply to bytearray."""
        like = f"bytes{key.removeprefix('bytearray')}" if key.startswith("bytearray") else key
        return key in self.has.refused or like in self.has.refused

    # -- signatures

    def fit(self, node: _Function, key: str, *, bound: bool) -> bool:
        """Give a function the arguments that the firmware accepts; False if no overload is left."""
        if self.module not in ("builtins", "_collections_abc"):
            key = f"{self.module}.{key}"
        skip = 1 if bound else 0
        if self.refuses(f"{key}[::]"):
            _narrow_slices(node)
        for count in range(4):
            if self.refuses(f"{key}/{count}") and not _cut(node.args, count + skip - 1):
                return False
        refused = {a.arg for a in _arguments(node.args) if self.refuses(f"{key}({a.arg})")}
        return not refused or _without_keywords(node.args, refused, skip)


def _expressions(text: str) -> list[ast.expr]:
    call = ast.parse(f"f({text})", mode="eval").body
    assert isinstance(call, ast.Call)
    return call.args


def _member(node: ast.stmt) -> str:
    """The name that a statement of a class body defines."""
    if isinstance(node, _Function):
        return node.name
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return ""


def _decorators(node: _Function) -> list[str]:
    return [ast.unparse(item) for item in node.decorator_list]


def _is_property(node: _Function) -> bool:
    return any(d == "property" or d.endswith(".setter") for d in _decorators(node))


def _is_static(node: _Function) -> bool:
    return "staticmethod" in _decorators(node)


def _single_overloads(body: list[ast.stmt]) -> list[ast.stmt]:
    """The statements; a function with one overload left becomes a plain function."""
    counts: dict[str, int] = {}
    for node in body:
        if isinstance(node, _Function):
            counts[node.name] = counts.get(node.name, 0) + 1
    for node in body:
        if isinstance(node, _Function) and counts[node.name] == 1:
            node.decorator_list = [d for d in node.decorator_list if ast.unparse(d) != "overload"]
    return body


def _narrow_slices(node: _Function) -> None:
    """``slice`` in the arguments becomes a slice without a step."""
    for arg in _arguments(node.args):
        if arg.annotation is not None:
            text = ast.unparse(arg.annotation).split(" | ")
            parts = ["slice[Any, Any, None]" if part == "slice" else part for part in text]
            arg.annotation = ast.parse(" | ".join(parts), mode="eval").body


def _arguments(args: ast.arguments) -> list[ast.arg]:
    return [*args.posonlyargs, *args.args, *args.kwonlyargs]


def _cut(args: ast.arguments, count: int) -> bool:
    """Leave ``count`` arguments by position; False if more of them have no default."""
    positional = [*args.posonlyargs, *args.args]
    required = len(positional) - len(args.defaults)
    if required > count:
        return False
    if args.vararg and len(positional) < count:
        extra = [ast.arg(f"{args.vararg.arg}{n}", args.vararg.annotation) for n in range(count)]
        extra = extra[: count - len(positional)]
        args.defaults += [ast.Constant(...) for _ in extra]
        args.posonlyargs, args.args = [*positional, *extra], []
    args.vararg = None
    surplus = len(positional) - count
    if surplus > 0:
        args.defaults = args.defaults[: len(args.defaults) - surplus]
        left = positional[:count]
        args.posonlyargs, args.args = left[: len(args.posonlyargs)], left[len(args.posonlyargs) :]
    return True


def _without_keywords(args: ast.arguments, refused: set[str], skip: int) -> bool:
    """Arguments of these names are given by position only, or not at all.

    False if one that cannot be given has no default.
    """
    for arg, default in zip(list(args.kwonlyargs), list(args.kw_defaults), strict=True):
        if arg.arg in refused:
            if default is None:
                return False
            at = args.kwonlyargs.index(arg)
            del args.kwonlyargs[at], args.kw_defaults[at]
    # An argument right after positional ones can become one of them.
    while len(args.posonlyargs) > skip and args.args and args.args[0].arg in refused:
        args.posonlyargs.append(args.args.pop(0))
    names = [arg.arg for arg in args.args]
    by_name = [n for n in names[max(skip - len(args.posonlyargs), 0) :] if n not in refused]
    if not any(name in refused for name in names):
        return True
    if not by_name:
        args.posonlyargs, args.args = [*args.posonlyargs, *args.args], []
        return True
    # A refused argument after an accepted one cannot be given by position either.
    while args.args and args.args[-1].arg in refused:
        if not args.defaults:
            return False
        args.args.pop()
        args.defaults.pop()
    return True
