"""One module per data set: its annotations and its image files."""
