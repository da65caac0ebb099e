"""Data sets: annotation tables, image files, the store, splits and masks."""
