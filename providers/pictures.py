# What a program can tell of an image without understanding it: its format, its size, its dominant colour.
#
# For the scripted provider, so that a client's way of sending images can be tested: the same image gives the same
# sentence. Format and size are known already; only the colour needs decoding, by Pillow, an extra. Its input is a
# stranger's: the decoder is the one for the format found and no other, it must find the size that was checked, and
# whatever it raises is the image's fault. This blocks, for seconds with a large image: call it in a thread.
#
# The dominant colour: the pixels of a grid of at most 64 x 64, on white where they are transparent, go into 8 x 8 x 8
# boxes of like colours, and the mean of the fullest box is the colour; of equally full ones, the one with the least
# red, then green, then blue. Pixels are picked and not averaged, because red and green stripes have no yellow in them.
# Animations show their first frame.
from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from g4f_proto import InputImage, InvalidRequest

__all__ = ("describe",)

_Colour: TypeAlias = tuple[int, int, int]

_FORMATS: Final[Mapping[str, str]] = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/gif": "GIF",
    "image/webp": "WebP",
}
_GRID: Final = 64
#: Decoding takes 4 bytes a pixel of a PNG, 8 of a progressive JPEG, 16 of a WebP: at most 256 MB, 12 megapixels fit.
_MOST_PIXELS: Final = 4096 * 4096
#: A colour has the name of the nearest of these; a name stands twice where eyes give it to dark shades too.
_NAMES: Final[Mapping[_Colour, str]] = {
    (0, 0, 0): "black",
    (64, 64, 64): "gray",
    (128, 128, 128): "gray",
    (192, 192, 192): "gray",
    (255, 255, 255): "white",
    (255, 0, 0): "red",
    (139, 0, 0): "red",
    (255, 128, 0): "orange",
    (128, 64, 0): "brown",
    (255, 255, 0): "yellow",
    (0, 255, 0): "green",
    (0, 100, 0): "green",
    (0, 255, 255): "cyan",
    (0, 139, 139): "cyan",
    (0, 0, 255): "blue",
    (0, 0, 128): "blue",
    (64, 144, 255): "blue",
    (128, 0, 128): "purple",
    (160, 64, 255): "purple",
    (255, 0, 255): "magenta",
    (255, 160, 192): "pink",
    (255, 32, 144): "pink",
}


def describe(image: InputImage, *, param: str | None = None) -> str:
    """``a PNG image of 64 x 48 pixels, mostly red (#ff0000)``; without Pillow, why there is no colour instead.

    :param param: the path of the image in the request, for the error.
    :raises InvalidRequest: ``invalid_image``: there is no image behind its header.
    """
    name = _FORMATS[image.media_type]
    facts = f"a {name} image of {image.width} x {image.height} pixels"
    if image.width * image.height > _MOST_PIXELS:
        return f"{facts}, too many to look at their colours here"
    try:
        colour = _dominant(_sample(image))
    except ImportError:
        return f"{facts}, of unknown colours: Pillow is not installed (pip install 'g4f-proto[images]')"
    except Exception:  # decoders raise OSError, SyntaxError, ValueError, struct.error, EOFError and their own
        raise InvalidRequest(
            f"The image data you provided does not represent a valid image: its {name} content cannot be decoded.",
            param=param,
            code="invalid_image",
        ) from None
    return f"{facts}, mostly {_name(colour)} (#{bytes(colour).hex()})"


def _sample(image: InputImage) -> Iterable[_Colour]:
    import PIL.Image

    with PIL.Image.open(io.BytesIO(image.data), formats=[_FORMATS[image.media_type].upper()]) as picture:
        if picture.size != (image.width, image.height):  # a second header, other than the one that was checked
            raise ValueError(picture.size)
        # Picked first and converted then: converting the whole would put a second picture into memory.
        size = min(picture.width, _GRID), min(picture.height, _GRID)
        grid = picture.resize(size, PIL.Image.Resampling.NEAREST)
    if grid.mode.startswith("I"):  # a gray PNG of 16 bits, which `convert` would clip and not scale
        grid = grid.point(lambda value: value * (1 / 256)).convert("L")
        grid.info.pop("transparency", None)  # one of 65536 grays
    white = PIL.Image.new("RGBA", size, "white")
    pixels = PIL.Image.alpha_composite(white, grid.convert("RGBA")).convert("RGB").tobytes()
    return zip(pixels[::3], pixels[1::3], pixels[2::3], strict=True)


def _dominant(pixels: Iterable[_Colour]) -> _Colour:
    boxes: dict[_Colour, list[_Colour]] = {}
    for red, green, blue in pixels:
        boxes.setdefault((red >> 5, green >> 5, blue >> 5), []).append((red, green, blue))
    fullest = min(boxes.items(), key=lambda box: (-len(box[1]), box[0]))[1]
    red, green, blue = (round(sum(values) / len(fullest)) for values in zip(*fullest, strict=True))
    return red, green, blue


def _name(colour: _Colour) -> str:
    return _NAMES[min(_NAMES, key=lambda named: sum((a - b) ** 2 for a, b in zip(named, colour, strict=True)))]
