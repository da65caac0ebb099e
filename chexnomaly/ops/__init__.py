"""Operations on maps that PyTorch lacks, for CPU and GPU."""
