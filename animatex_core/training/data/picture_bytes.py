"""Reference pictures as bytes: as they are, or as JPEG, which for photographs takes a tenth."""

from io import BytesIO

import numpy as np
from PIL import Image

from ...errors import InvalidInput
from ...video.image_files import DAMAGE
from ...wording import reason_of
from .header import PictureFormat


def picture_bytes(picture: np.ndarray, form: PictureFormat) -> np.ndarray:
    """Turn (h, w, 3) uint8 into (n,) uint8; jpeg is of quality 95 and full colour resolution."""
    if form == "raw":
        return picture.reshape(-1)
    file = BytesIO()
    Image.fromarray(picture).save(file, "jpeg", quality=95, subsampling=0)
    return np.frombuffer(file.getvalue(), np.uint8)


def picture_of(data: np.ndarray, form: PictureFormat, width: int, height: int) -> np.ndarray:
    """Turn what `picture_bytes` made of a picture into (height, width, 3) uint8 in RGB, a copy.

    Raises InvalidInput for what is damaged or of another size.
    """
    if form == "raw":
        return data.reshape(height, width, 3).copy()
    try:
        with Image.open(BytesIO(data.tobytes()), formats=("JPEG",)) as image:
            if image.size != (width, height):
                raise ValueError(f"it has {image.width}x{image.height} pixels")
            return np.array(image.convert("RGB"))
    except DAMAGE as error:
        raise InvalidInput(
            f"A reference picture of the data set is damaged ({reason_of(error)}): prepare its clips again."
        ) from error
