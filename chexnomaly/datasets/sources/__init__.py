"""One module per data set: its annotations and its image files.

A module has two functions: `read_annotations(root)` gives the findings table and what
was refused, and `scan_folder(root)` gives the image files by id and what was refused.
`findings.read_boxes` reads a CSV table, `folders` finds files. The data set's name is
added to `validation.COLLECTIONS`; then `prepared.prepare` takes the module.
"""
