"""Speed: committed benchmarks and the cost of a step."""
