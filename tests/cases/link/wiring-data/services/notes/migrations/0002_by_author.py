def up(db):
    db.index("notes", "author")
