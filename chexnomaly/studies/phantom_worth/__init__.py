"""What a phantom is worth: ablations, statistics, a blind test."""
