"""Alerts under their numbers, and the ranges that people have given to fridges."""


def up(db):
    db.fill("alerts", ())
    db.fill("ranges", ())
