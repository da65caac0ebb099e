"""Simulated readers, who mark what they see."""
