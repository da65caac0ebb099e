"""What choices that the paper leaves open do to its results."""
