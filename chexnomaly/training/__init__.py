"""Training: the loop, and beside it schedule, devices and checkpoints."""
