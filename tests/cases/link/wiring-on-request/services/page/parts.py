HEAD = "notes"
