"""Energy: what a board draws, from a trace, from a stated load, or as a profiler measured it.

``meter`` turns spans of states into charge, ``trace`` finds the spans in what the simulator traced,
``load`` plays a stated load under a policy, ``profile`` reads a profiler's file, ``plots`` draws.
"""
