"""Directives and roles of the book."""
