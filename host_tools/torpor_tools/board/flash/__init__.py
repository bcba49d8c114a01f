"""Getting an image onto a chip: the official firmware, finding the board, writing it."""
