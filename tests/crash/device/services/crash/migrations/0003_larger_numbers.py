def change(row):
    return None if row["v"] % 7 == 3 else {"v": row["v"] * 10, "scaled": True}


def up(db):
    db.rewrite("num", change)
    db.delete("num", -2)
    db.fill("sums", ((key, {"v": row["v"]}) for key, row in db.scan("num")))
