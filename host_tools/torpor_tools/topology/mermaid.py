"""The graph as a Mermaid flowchart, which code forges draw in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from .placed import Edge, Graph, Node


def mermaid(graph: Graph) -> str:
    """The text of a flowchart: a box a board, dotted arrows for calls over the network."""
    return "\n".join(_lines(graph)) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    yield "flowchart TB"
    for board, kind in graph.boards.items():
        yield f'  subgraph board_{board}["{board} ({kind})"]'
        for node in graph.on(board):
            port = f"<br>port {node.port}" if node.port else ""
            yield f'    {_name(node)}["{node.service}{port}"]'
        yield "  end"
    for edge in graph.arrows:
        arrow = "-.->" if edge.is_remote else "-->"
        yield f'  {_name(edge.caller)} {arrow}|"{_label(edge)}"| {_name(edge.peer)}'


def _name(node: Node) -> str:
    return f"{node.board}_{node.service}"


def _label(edge: Edge) -> str:
    if edge.is_event:
        return "<br>".join(f"event {name}" for name in edge.methods)
    count = "" if edge.count is None else f" ({edge.count})"
    return "<br>".join(edge.methods) + count
