"""Logs, figures and traces of running boards, read over the network."""
