"""Pictures with text, drawn the same everywhere: with fonts that matplotlib brings."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

LINES = {
    "plain": [
        ("DejaVuSans", 40, (60, 60), "Hello world $1,234.50"),
        ("DejaVuSerif", 36, (60, 200), "Straße café naïve"),
    ],
    "many": [("DejaVuSansMono", 24, (40, 40 + 60 * row), f"Row number {row} of nine") for row in range(9)],
    "two columns": [
        ("STIXGeneral", 34, (40, 100), "Left side"),
        ("STIXGeneral", 34, (600, 104), "Right side"),
        ("cmr10", 34, (40, 300), "below it"),
    ],
}


def drawn(name: str, size: tuple[int, int] = (960, 640), ground: str = "white", ink: str = "black") -> Image.Image:
    """The lines of that name, black on white."""
    image = Image.new("RGB", size, ground)
    for font, height, place, text in LINES[name]:
        written(image, text, place, height, font, ink)
    return image


def written(
    image: Image.Image, text: str, place: tuple[int, int], height: int, font: str = "DejaVuSans", ink: str = "black"
) -> Image.Image:
    """Write into a picture, which is given back. height: of the font, in pixels."""
    import matplotlib

    file = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"
    ImageDraw.Draw(image).text(place, text, ink, ImageFont.truetype(str(file), height))
    return image
