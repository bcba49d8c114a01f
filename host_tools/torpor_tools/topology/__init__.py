"""Which service runs on which board, and who calls whom.

``calls`` reads the calls from the services' sources, ``placed`` and ``record`` add boards and
counts; ``text``, ``mermaid`` and ``svg`` draw. ``needs``, ``change``, ``compare``, ``solve`` and
``propose`` try other placements than the one in ``cluster.toml``.
"""
