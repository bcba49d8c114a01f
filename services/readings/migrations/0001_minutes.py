"""A row a minute: ``{"fridge-1": 4.31, ...}``, the mean in degrees under its Unix time."""


def up(db):
    db.fill("minutes", ())
