def up(db):
    db.index("kv", "group")
    db.put("num", -2, {"v": 0})
