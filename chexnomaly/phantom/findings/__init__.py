"""The findings: how each changes a patient's anatomy."""
