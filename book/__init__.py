"""What builds the book: pipeline, pieces, extensions, site."""
