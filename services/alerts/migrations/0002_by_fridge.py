"""The last alerts of one fridge are asked for more often than the last of all."""


def up(db):
    db.index("alerts", "fridge")
