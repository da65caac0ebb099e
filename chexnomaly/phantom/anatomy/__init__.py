"""A patient: outlines, organs, bones, vessels, and the thickness of each."""
