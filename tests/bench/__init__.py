"""``make bench``: figures about speed, memory and size, each with its goal. See docs/bench.md."""
