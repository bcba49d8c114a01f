def up(db):
    db.put("num", -1, {"v": 0, "from": "the first migration"})
