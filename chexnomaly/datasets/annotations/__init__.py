"""Findings tables: reading, checking, splitting, and codes for identities."""
