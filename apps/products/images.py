"""Product pictures: what is really in the file decides, not what it is called."""

from typing import IO, Any, cast

from PIL import Image, UnidentifiedImageError
from rest_framework.exceptions import ValidationError

MAX_BYTES = 5_000_000
MAX_PIXELS = 25_000_000
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


def checked(upload: Any) -> Any:
    """`upload` with a truthful name; raises `ValidationError` for anything but a sound JPEG, PNG or WebP."""
    if upload.size > MAX_BYTES:
        raise ValidationError(f"The picture is larger than {MAX_BYTES // 1_000_000} MB. Make it smaller.")
    kind = _kind(cast(IO[bytes], upload))
    if kind not in SUFFIXES:
        raise ValidationError("A JPEG, PNG or WebP picture is needed.")
    upload.name = f"picture.{SUFFIXES[kind]}"
    return upload


def _kind(file: IO[bytes]) -> str | None:
    try:
        with Image.open(file, formats=list(SUFFIXES)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValidationError("The picture has more than 25 million pixels. Make it smaller.")
            kind = image.format
            image.verify()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError):
        raise ValidationError("This is not a picture that can be read.") from None
    finally:
        file.seek(0)
    return kind
