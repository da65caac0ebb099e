"""The networks of the paper, smallest parts in `blocks`."""
