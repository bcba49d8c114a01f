"""``cluster.toml`` and ``boards/*.toml``, read into the model with the line of every mistake."""

from .boards import known_boards, load_board
from .cluster import load_cluster

__all__ = ["known_boards", "load_board", "load_cluster"]
