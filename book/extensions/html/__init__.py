"""What is done to pages on their way to HTML."""
