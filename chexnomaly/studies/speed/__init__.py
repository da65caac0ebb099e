"""Speed and scale: benchmarks, the cost of a step, runs on a GPU."""
