"""Stands in for ``errno`` where the chip's numbers differ from this computer's."""

from _sim import facts, native

globals().update({k: getattr(native("errno"), k) for k in dir(native("errno")) if k[0] == "E"})
globals().update(facts["behaves"]["errno"])
