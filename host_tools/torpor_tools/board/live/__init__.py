"""Logs, figures and traces of boards that run, asked over the network."""
