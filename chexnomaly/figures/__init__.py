"""The paper's figures, one function each; every function returns a figure."""
