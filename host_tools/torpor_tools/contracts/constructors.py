"""Corrects type stubs where the constructors of ``machine`` accept more than the stubs do.

The stubs require the id of each peripheral as a positional argument, and allow only certain
combinations of keywords, like the documentation's examples. The firmware is less strict.
"""

from __future__ import annotations

import ast

# ports/rp2/machine_timer.c and ports/esp32/machine_timer.c of 1.27: the keywords of init(), in any
# combination; a frequency may be a fraction.
_TIMER = """
def init(self, *, mode: int = ..., callback: Callable[[Timer], object] | None = ...,
         period: int = ..., tick_hz: int = ...,
         freq: float | None = ..., hard: bool = ...) -> None: ...
def __init__(self, id: int{default}, /, *, mode: int = ...,
             callback: Callable[[Timer], object] | None = ..., period: int = ...,
             tick_hz: int = ..., freq: float | None = ..., hard: bool = ...) -> None: ...
"""
_BY_NAME = ("I2C", "SPI")  # the parsers of their ports know the argument as ``id``
# A Pico has a default for each: PICO_DEFAULT_I2C and so on of its board file; a Timer's is -1.
_OPTIONAL = {"rp2": ("I2C", "SPI", "Timer", "UART")}


def correct(tree: ast.Module, port: str) -> None:
    """Correct the stub of ``machine`` for a port."""
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        is_optional = node.name in _OPTIONAL.get(port, ())
        if node.name == "Timer":
            _replace(node, _TIMER.format(default=" = ..." if is_optional else ""))
        elif node.name in _BY_NAME or is_optional:
            for function in node.body:
                if isinstance(function, ast.FunctionDef) and function.name == "__init__":
                    _free_id(function.args, node.name in _BY_NAME, is_optional)


def _replace(node: ast.ClassDef, source: str) -> None:
    """Replace all functions of the same names with these."""
    functions = ast.parse(source).body
    names = {function.name for function in functions if isinstance(function, ast.FunctionDef)}
    left = [n for n in node.body if not (isinstance(n, ast.FunctionDef) and n.name in names)]
    if len(left) < len(node.body):
        node.body = [*left, *functions]


def _free_id(arguments: ast.arguments, by_name: bool, is_optional: bool) -> None:
    """Allow ``id`` by name, or without a value, where nothing before the * needs a value."""
    positional = [*arguments.posonlyargs, *arguments.args]
    if [a.arg for a in positional[:2]] != ["self", "id"]:
        return
    if is_optional and len(arguments.defaults) == len(positional) - 2:
        arguments.defaults.insert(0, ast.Constant(...))
    if by_name:
        arguments.posonlyargs, arguments.args = [], positional
