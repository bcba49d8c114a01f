"""The forms that a built image takes: a folder of files, a filesystem image."""
