"""Pieces of pages, rendered from results before the book is built."""
