"""What the paper's systems do on real films that may be shipped."""
