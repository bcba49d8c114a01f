"""The current that a board draws: from a trace, from a stated load, or measured by a profiler.

``meter`` turns spans of states into charge, ``trace`` finds the spans in the simulator's trace,
``load`` simulates a load under a policy, ``profile`` reads a profiler's file, ``plots`` draws.
"""
