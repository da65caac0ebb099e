"""What the book examines beyond the paper's own systems, figures and tables."""
