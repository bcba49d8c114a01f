def up(db):
    db.drop("sums")
    db.index("kv", "v")
