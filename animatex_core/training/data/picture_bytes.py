"""Reference pictures as bytes: as they are, or as JPEG, which for photographs takes a tenth."""

from io import BytesIO

import numpy as np
from PIL import Image

from .header import PictureFormat


def picture_bytes(picture: np.ndarray, form: PictureFormat) -> np.ndarray:
    """Turn (h, w, 3) uint8 into (n,) uint8; jpeg is of quality 95 and full colour resolution."""
    if form == "raw":
        return picture.reshape(-1)
    file = BytesIO()
    Image.fromarray(picture).save(file, "jpeg", quality=95, subsampling=0)
    return np.frombuffer(file.getvalue(), np.uint8)


def picture_of(data: np.ndarray, form: PictureFormat, width: int, height: int) -> np.ndarray:
    """Turn what `picture_bytes` made of a picture into (height, width, 3) uint8 in RGB, a copy."""
    if form == "raw":
        return data.reshape(height, width, 3).copy()
    with Image.open(BytesIO(data.tobytes())) as image:
        return np.array(image)
