"""Placement of services on boards, and the calls between them.

``calls`` reads the calls from the services' sources, ``placed`` and ``record`` add boards and
counts; ``text``, ``mermaid`` and ``svg`` draw. ``needs``, ``change``, ``compare``, ``solve`` and
``propose`` try other placements than the one in ``cluster.toml``.
"""
