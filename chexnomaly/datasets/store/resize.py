"""Any image to the store's square.

Paper, Section III: 512 x 512 pixels, aspect not kept (ambiguity 20). A side that
shrinks is averaged over areas, so that no thin structure falls between samples; one
that grows is interpolated linearly. OpenCV averages 10 to 30 times as fast as
scikit-image here, and exactly; growing is left to torch, so that films of at most the
store's size need no OpenCV. Either is imported where it is needed.
"""

import numpy as np


def resize_square(image: np.ndarray, size: int) -> np.ndarray:
    """Resize an image to size x size.

    Args:
        image: Shape (H, W), float32, in [0, 1].
        size: Side of the result, px.

    Returns:
        Shape (size, size), float32, in [0, 1]. Where H and W are multiples of size,
        each pixel is the mean of its block.
    """
    height, width = image.shape
    low = min(width, size), min(height, size)
    if low != (width, height):
        import cv2

        image = cv2.resize(image, low, interpolation=cv2.INTER_AREA)
    if low != (size, size):
        import torch
        import torch.nn.functional as F

        image = torch.from_numpy(image)[None, None]
        image = F.interpolate(image, (size, size), mode="bilinear")[0, 0].numpy()
    return np.clip(image, 0.0, 1.0)
