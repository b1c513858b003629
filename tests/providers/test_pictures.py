# The facts of an image in a sentence: every format and mode of pixels that Pillow writes, and what cannot be decoded.
from __future__ import annotations

import io
import struct
import sys
import threading
import zlib
from typing import Any

import PIL.Image
import pytest

from g4f_proto import InputImage, InvalidRequest
from providers.pictures import describe

TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}


def image(picture: PIL.Image.Image, format: str = "PNG", **options: Any) -> InputImage:
    file = io.BytesIO()
    picture.save(file, format, **options)
    return InputImage(media_type=TYPES[format], width=picture.width, height=picture.height, data=file.getvalue())


def colour(image: InputImage) -> str:
    return describe(image).partition(", mostly ")[2]


def plain(colour: Any, mode: str = "RGB", size: tuple[int, int] = (8, 6)) -> PIL.Image.Image:
    return PIL.Image.new(mode, size, colour)


def stripes(*colours: str, size: tuple[int, int] = (60, 60)) -> PIL.Image.Image:
    """One column of pixels a colour, again and again."""
    picture = PIL.Image.new("RGB", size)
    for x in range(size[0]):
        picture.paste(colours[x % len(colours)], (x, 0, x + 1, size[1]))
    return picture


def png(width: int, height: int, bits: int, kind: int, row: bytes, *extra: bytes) -> InputImage:
    """A PNG of `height` times the same row, as Pillow does not write it."""
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0)
    pixels = chunk(b"IDAT", zlib.compress((b"\0" + row) * height))
    data = b"\x89PNG\r\n\x1a\n" + b"".join([chunk(b"IHDR", header), *extra, pixels, chunk(b"IEND", b"")])
    return InputImage(media_type="image/png", width=width, height=height, data=data)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def test_the_sentence() -> None:
    picture = plain("red", size=(64, 48))
    assert describe(image(picture)) == "a PNG image of 64 x 48 pixels, mostly red (#ff0000)"
    assert describe(image(picture, "GIF")) == "a GIF image of 64 x 48 pixels, mostly red (#ff0000)"
    assert describe(image(picture, "WEBP", lossless=True)) == "a WebP image of 64 x 48 pixels, mostly red (#ff0000)"
    assert describe(image(picture, "JPEG")) == "a JPEG image of 64 x 48 pixels, mostly red (#fe0000)"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("#000000", "black"), ("#202020", "black"), ("#808080", "gray"), ("#c0c0c0", "gray"), ("#ffffff", "white"),
        ("#f0f0f0", "white"), ("#dc143c", "red"), ("#8b0000", "red"), ("#ff8c00", "orange"), ("#8b4513", "brown"),
        ("#ffd700", "yellow"), ("#008000", "green"), ("#00ff00", "green"), ("#00ffff", "cyan"), ("#008080", "cyan"),
        ("#0000ff", "blue"), ("#000080", "blue"), ("#1e90ff", "blue"), ("#800080", "purple"), ("#8a2be2", "purple"),
        ("#ff00ff", "magenta"), ("#ffc0cb", "pink"), ("#ff69b4", "pink"),
    ],
)  # fmt: skip
def test_names(value: str, name: str) -> None:
    assert colour(image(plain(value))) == f"{name} ({value})"


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (plain(1, "1"), "white (#ffffff)"),
        (plain(0x80, "L"), "gray (#808080)"),
        (plain((0, 255), "LA"), "black (#000000)"),
        (plain((0, 0), "LA"), "white (#ffffff)"),
        (plain("blue").quantize(4), "blue (#0000ff)"),
        (plain((0, 0, 255, 0), "RGBA"), "white (#ffffff)"),
        (plain((0, 0, 255, 255), "RGBA"), "blue (#0000ff)"),
        (plain((255, 0, 0, 128), "RGBA"), "pink (#ff7f7f)"),
        (plain(0x8000, "I;16"), "gray (#808080)"),
        (plain(0xFFFF, "I;16"), "white (#ffffff)"),
        (plain(0x00FF, "I;16"), "black (#000000)"),
    ],
)
def test_modes_of_png(picture: PIL.Image.Image, expected: str) -> None:
    assert colour(image(picture)) == expected


def test_transparency_that_is_a_colour() -> None:
    assert colour(image(plain("blue"), transparency=(0, 0, 255))) == "white (#ffffff)"
    assert colour(image(plain("blue"), transparency=(0, 0, 254))) == "blue (#0000ff)"
    assert colour(image(plain("blue").quantize(4), transparency=0)) == "white (#ffffff)"
    assert colour(image(plain(7, "L"), transparency=7)) == "white (#ffffff)"
    assert colour(image(plain("blue").quantize(4), "GIF", transparency=0)) == "white (#ffffff)"
    assert colour(image(plain((0, 0, 255, 0), "RGBA"), "WEBP", lossless=True)) == "white (#ffffff)"
    # of sixteen bits: which gray is transparent is not looked at
    assert colour(png(2, 2, 16, 0, b"\x80\0" * 2, chunk(b"tRNS", b"\x80\0"))) == "gray (#808080)"


def test_sixteen_bits_of_three_colours() -> None:
    assert colour(png(2, 2, 16, 2, b"\xff\xff\0\0\x80\0" * 2)) == "pink (#ff0080)"


def test_modes_of_jpeg() -> None:
    assert colour(image(plain(0x80, "L"), "JPEG")) == "gray (#808080)"
    assert colour(image(plain((0, 255, 255, 0), "CMYK"), "JPEG")) == "red (#ff0000)"
    assert colour(image(plain((0, 0, 254)), "JPEG", progressive=True)) == "blue (#0000fe)"


def test_an_animation_shows_its_first_frame() -> None:
    for format in ("GIF", "WEBP", "PNG"):
        options: dict[str, Any] = {"lossless": True} if format == "WEBP" else {}
        frames = [plain("lime"), plain("red"), plain("red")]
        animation = image(frames[0], format, save_all=True, append_images=frames[1:], **options)
        assert colour(animation) == "green (#00ff00)"


def test_most_wins_and_nothing_is_mixed() -> None:
    assert colour(image(stripes("red", "red", "lime"))) == "red (#ff0000)"
    assert colour(image(stripes("red", "lime", "lime"))) == "green (#00ff00)"
    assert colour(image(stripes("red", "lime", "blue", "blue", size=(1000, 3)))) == "blue (#0000ff)"
    assert colour(image(stripes("red", "lime"))) == colour(image(stripes("lime", "red"))) == "green (#00ff00)"


def test_like_colours_count_as_one() -> None:
    shades = stripes("#f00000", "#ff0000", "#ff1010", "blue", "blue")
    assert colour(image(shades)) == "red (#fa0505)"


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (64, 64), (65, 63), (700, 300)])
def test_sizes(size: tuple[int, int]) -> None:
    sentence = describe(image(plain("red", size=size)))
    assert sentence == f"a PNG image of {size[0]} x {size[1]} pixels, mostly red (#ff0000)"


def test_the_size_is_the_stored_one() -> None:
    turned = PIL.Image.Exif()
    turned[0x0112] = 6
    assert " 8 x 6 pixels" in describe(image(plain("red"), "JPEG", exif=turned))


def test_the_same_sentence_every_time() -> None:
    noise = image(PIL.Image.effect_noise((200, 200), 90).convert("RGB"), "JPEG")
    assert len({describe(noise) for _ in range(3)}) == 1


# --- what cannot be decoded ---


def fails(image: InputImage) -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        describe(image, param="messages[0].content[0].image_url.url")
    error = caught.value
    assert (error.status, error.code, error.param) == (400, "invalid_image", "messages[0].content[0].image_url.url")
    assert error.__cause__ is None
    assert error.__suppress_context__
    return error


def changed(image: InputImage, data: bytes) -> InputImage:
    return InputImage(media_type=image.media_type, width=image.width, height=image.height, data=data)


@pytest.mark.parametrize("format", list(TYPES))
def test_cut_content(format: str) -> None:
    whole = image(PIL.Image.effect_noise((64, 64), 90).convert("RGB"), format)
    for end in (0, 1, 12, 40, len(whole.data) // 2, len(whole.data) * 3 // 4):
        error = fails(changed(whole, whole.data[:end]))
        assert "does not represent a valid image" in error.message


def test_what_was_not_found_is_not_decoded() -> None:
    """A decoder of another format never sees the bytes, whatever Pillow would make of them."""
    data = image(plain("red")).data
    for media_type in ("image/jpeg", "image/gif", "image/webp"):
        fails(InputImage(media_type=media_type, width=8, height=6, data=data))
    file = io.BytesIO()
    plain("red").save(file, "BMP")
    fails(changed(image(plain("red")), file.getvalue()))


def test_a_second_header_that_is_larger() -> None:
    """The header that was checked says 2 x 2; the one that Pillow goes by says 4000 x 4000."""
    small = png(2, 2, 8, 0, b"\0\0")
    second = chunk(b"IHDR", struct.pack(">IIBBBBB", 4000, 4000, 8, 0, 0, 0, 0))
    fails(changed(small, small.data[:33] + second + small.data[33:]))


def test_a_bomb_is_not_opened() -> None:
    bomb = png(4096, 4097, 8, 0, b"")
    assert describe(bomb) == "a PNG image of 4096 x 4097 pixels, too many to look at their colours here"
    fails(png(4096, 4096, 8, 0, b""))  # opened, and without pixels


def test_without_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = image(plain("red"))
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert describe(picture) == (
        "a PNG image of 8 x 6 pixels, of unknown colours: Pillow is not installed (pip install 'g4f-proto[images]')"
    )


def test_it_can_run_in_threads() -> None:
    images = [image(plain("red", size=(300, 200)), format) for format in TYPES]
    told: list[str] = []
    threads = [threading.Thread(target=lambda one=one: told.append(describe(one))) for one in images * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 16
    assert len(set(told)) == 4
