def up(db):
    db.put("notes", 1, {"text": "welcome", "author": "torpor"})
