"""Images in one memory-mapped array: reading, resizing, writing."""
