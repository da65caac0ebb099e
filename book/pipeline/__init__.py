"""Running notebooks: profiles, locks, failures, the gate."""
