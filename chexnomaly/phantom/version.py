"""Version of the generator: it changes whenever a film's bytes do."""

GENERATOR = "1"
