"""Phantoms as files: the layouts of real data sets, and the store."""
