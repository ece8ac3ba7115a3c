"""Pictures drawn on the spot: pleasant enough for a screenshot, free of anyone's rights, the same at every run."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
SIZE = (960, 720)


def write_pictures(folder: Path, count: int = 48) -> list[Path]:
    """Draw ``count`` pictures as JPEG files, motif after motif, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(count):
        draw = MOTIFS[number % len(MOTIFS)]
        chance = random.Random(number)
        name = draw.__name__.strip("_").replace("_", "-")
        file = folder / f"{name}-{number // len(MOTIFS) + 1}.jpg"
        draw(chance).save(file, quality=90)
        files.append(file)
    return files


# ---------------------------------------------------------------- scenes


def _sunset_sea(chance: random.Random) -> Image.Image:
    image = _sky((255, 150 + chance.randrange(40), 90), (90 + chance.randrange(60), 60, 120))
    draw = ImageDraw.Draw(image)
    x, horizon = chance.randrange(250, 700), 440
    draw.ellipse((x - 75, horizon - 110, x + 75, horizon + 40), fill=(255, 236, 170))
    image.paste(_gradient((SIZE[0], SIZE[1] - horizon), (70, 60, 110), (235, 130, 95)), (0, horizon))
    for row in range(14):
        width = 150 - row * 8 + chance.randrange(30)
        y = horizon + 8 + row * 18
        draw.rounded_rectangle((x - width // 2, y, x + width // 2, y + 5), 3, fill=(255, 222, 160))
    return image


def _mountains(chance: random.Random) -> Image.Image:
    image = _sky((205, 228, 246), (92, 150, 214))
    for depth, colour in enumerate([(150, 172, 200), (108, 134, 170), (66, 94, 128), (38, 64, 82)]):
        _ridge(image, chance, 250 + depth * 100, 150 - depth * 26, colour, snow=depth < 2)
    return image


def _meadow(chance: random.Random) -> Image.Image:
    image = _sky((214, 238, 250), (104, 178, 236))
    draw = ImageDraw.Draw(image)
    _cloud(image, chance.randrange(100, 700), 130, chance)
    for depth, colour in enumerate([(150, 200, 90), (116, 178, 70), (84, 152, 54)]):
        _hill(draw, chance, 430 + depth * 90, colour)
    for _ in range(90):
        x, y = chance.randrange(SIZE[0]), chance.randrange(520, SIZE[1])
        petal = chance.choice([(255, 255, 255), (250, 210, 60), (235, 90, 110), (170, 110, 220)])
        draw.ellipse((x, y, x + 11, y + 11), fill=petal)
    return image


def _forest(chance: random.Random) -> Image.Image:
    image = _sky((232, 240, 226), (150, 190, 170))
    draw = ImageDraw.Draw(image)
    for depth in range(3):
        for _ in range(9):
            x, foot, high = chance.randrange(-40, SIZE[0]), 480 + depth * 110, 240 + depth * 60 + chance.randrange(60)
            shade = (60 - depth * 12, 120 - depth * 22, 84 - depth * 16)
            for step in range(4):
                y, half = foot - high + step * high // 5, 28 + step * 20
                draw.polygon([(x, y), (x - half, y + high // 3), (x + half, y + high // 3)], fill=shade)
            draw.rectangle((x - 7, foot - 20, x + 7, foot + 30), fill=(84, 62, 46))
    return image


def _night_city(chance: random.Random) -> Image.Image:
    image = _sky((60, 52, 110), (14, 16, 44))
    draw = ImageDraw.Draw(image)
    for _ in range(70):
        x, y = chance.randrange(SIZE[0]), chance.randrange(330)
        draw.point([(x, y), (x + 1, y)], fill=(240, 240, 255))
    draw.ellipse((760, 70, 850, 160), fill=(250, 244, 214))
    x = -20
    while x < SIZE[0]:
        width, high = chance.randrange(70, 130), chance.randrange(180, 460)
        draw.rectangle((x, SIZE[1] - high, x + width, SIZE[1]), fill=(26 + chance.randrange(18), 28, 58))
        for wy in range(SIZE[1] - high + 16, SIZE[1] - 10, 30):
            for wx in range(x + 12, x + width - 14, 24):
                if chance.random() < 0.55:
                    draw.rectangle((wx, wy, wx + 11, wy + 15), fill=(255, 214, 120))
        x += width + 6
    return image


def _balloons(chance: random.Random) -> Image.Image:
    image = _sky((222, 240, 252), (110, 182, 240))
    draw = ImageDraw.Draw(image)
    _cloud(image, 180, 560, chance)
    for _ in range(6):
        x, y, r = chance.randrange(100, 860), chance.randrange(110, 480), chance.randrange(46, 92)
        colour = chance.choice([(230, 70, 70), (250, 180, 50), (70, 150, 220), (120, 190, 90), (190, 90, 190)])
        draw.polygon(
            [(x - r * 0.7, y + r * 0.6), (x + r * 0.7, y + r * 0.6), (x + 12, y + r * 1.5), (x - 12, y + r * 1.5)],
            fill=colour,
        )
        draw.ellipse((x - r, y - r, x + r, y + r), fill=colour)
        draw.ellipse((x - r * 0.36, y - r, x + r * 0.36, y + r), fill=_lighter(colour))
        draw.rectangle((x - 12, y + r * 1.6, x + 12, y + r * 1.6 + 18), fill=(120, 84, 52))
    return image


def _sail_boat(chance: random.Random) -> Image.Image:
    image = _sky((226, 240, 250), (140, 196, 236))
    image.paste(_gradient((SIZE[0], 280), (28, 96, 150), (84, 170, 205)), (0, 440))
    draw = ImageDraw.Draw(image)
    for _ in range(3):
        x, y, s = chance.randrange(140, 820), chance.randrange(470, 600), chance.uniform(0.7, 1.5)
        draw.polygon([(x, y), (x, y - 190 * s), (x + 110 * s, y - 14)], fill=(250, 250, 246))
        draw.polygon(
            [(x - 8, y), (x - 8, y - 150 * s), (x - 74 * s, y - 14)],
            fill=chance.choice([(230, 80, 70), (250, 190, 70), (70, 110, 190)]),
        )
        draw.polygon(
            [(x - 92 * s, y), (x + 116 * s, y), (x + 80 * s, y + 36 * s), (x - 64 * s, y + 36 * s)], fill=(92, 58, 42)
        )
    return image


def _desert(chance: random.Random) -> Image.Image:
    image = _sky((250, 224, 178), (120, 190, 224))
    draw = ImageDraw.Draw(image)
    draw.ellipse((120, 90, 220, 190), fill=(255, 244, 200))
    for depth, colour in enumerate([(236, 190, 120), (222, 164, 92), (204, 140, 70)]):
        _hill(draw, chance, 420 + depth * 100, colour)
    for _ in range(3):
        x, y = chance.randrange(120, 840), chance.randrange(560, 660)
        green = (62, 120, 74)
        draw.rounded_rectangle((x - 17, y - 190, x + 17, y), 17, fill=green)
        draw.rounded_rectangle((x - 66, y - 130, x - 42, y - 70), 12, fill=green)
        draw.rounded_rectangle((x - 66, y - 94, x, y - 70), 12, fill=green)
        draw.rounded_rectangle((x + 42, y - 150, x + 66, y - 90), 12, fill=green)
        draw.rounded_rectangle((x, y - 114, x + 66, y - 90), 12, fill=green)
    return image


# ---------------------------------------------------------------- things


def _lemons(chance: random.Random) -> Image.Image:
    return _fruit(chance, (248, 214, 52), (226, 236, 240), stretch=1.28)


def _oranges(chance: random.Random) -> Image.Image:
    return _fruit(chance, (245, 146, 36), (58, 84, 110), stretch=1.0)


def _fish(chance: random.Random) -> Image.Image:
    image = _sky((20, 90, 140), (60, 170, 200))
    draw = ImageDraw.Draw(image)
    for _ in range(9):
        x, y, s = chance.randrange(80, 860), chance.randrange(80, 620), chance.uniform(0.6, 1.4)
        colour = chance.choice([(250, 150, 40), (250, 210, 70), (236, 90, 80), (240, 240, 240)])
        draw.polygon([(x + 60 * s, y), (x + 110 * s, y - 36 * s), (x + 110 * s, y + 36 * s)], fill=colour)
        draw.ellipse((x - 80 * s, y - 40 * s, x + 76 * s, y + 40 * s), fill=colour)
        draw.rectangle((x - 20 * s, y - 38 * s, x - 4 * s, y + 38 * s), fill=_lighter(colour))
        draw.ellipse((x - 58 * s, y - 14 * s, x - 44 * s, y), fill=(20, 24, 34))
    return image


MOTIFS: tuple[Callable[[random.Random], Image.Image], ...] = (
    _sunset_sea,
    _mountains,
    _lemons,
    _meadow,
    _night_city,
    _oranges,
    _balloons,
    _forest,
    _sail_boat,
    _fish,
    _desert,
)


# ---------------------------------------------------------------- parts


def _gradient(size: tuple[int, int], bottom: Colour, top: Colour) -> Image.Image:
    column = Image.new("RGB", (1, size[1]))
    for y in range(size[1]):
        share = y / max(1, size[1] - 1)
        column.putpixel((0, y), tuple(round(t + (b - t) * share) for t, b in zip(top, bottom, strict=True)))  # type: ignore[arg-type]
    return column.resize(size)


def _sky(bottom: Colour, top: Colour) -> Image.Image:
    return _gradient(SIZE, bottom, top)


def _lighter(colour: Colour) -> Colour:
    red, green, blue = ((value + 255) // 2 for value in colour)
    return red, green, blue


def _wave(chance: random.Random, base: float, height: float) -> Iterator[tuple[float, float]]:
    phases = [(chance.uniform(0, 6), chance.uniform(0.6, 1.6) * k) for k in (1, 2, 5)]
    for x in range(0, SIZE[0] + 12, 12):
        yield (
            x,
            base + sum(math.sin(phase + x / SIZE[0] * math.tau * speed) * height / speed for phase, speed in phases),
        )


def _hill(draw: ImageDraw.ImageDraw, chance: random.Random, base: float, colour: Colour) -> None:
    draw.polygon([*_wave(chance, base, 34), SIZE, (0, SIZE[1])], fill=colour)


def _ridge(image: Image.Image, chance: random.Random, base: int, height: int, colour: Colour, snow: bool) -> None:
    draw = ImageDraw.Draw(image)
    x = -60
    while x < SIZE[0]:
        width, high = chance.randrange(170, 300), height + chance.randrange(90)
        peak = x + width // 2
        draw.polygon([(x, base + 60), (peak, base - high), (x + width, base + 60)], fill=colour)
        if snow:
            cap = high * 0.34
            half = width / 2 * cap / (high + 60)
            draw.polygon(
                [(peak - half, base - high + cap), (peak, base - high), (peak + half, base - high + cap)],
                fill=(246, 249, 252),
            )
        x += int(width * 0.62)
    draw.rectangle((0, base + 50, *SIZE), fill=colour)


def _cloud(image: Image.Image, x: int, y: int, chance: random.Random) -> None:
    layer = Image.new("L", SIZE, 0)
    draw = ImageDraw.Draw(layer)
    for _ in range(7):
        cx, cy, r = x + chance.randrange(-90, 90), y + chance.randrange(-22, 22), chance.randrange(34, 62)
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=225)
    image.paste((255, 255, 255), mask=layer.filter(ImageFilter.GaussianBlur(7)))


def _fruit(chance: random.Random, colour: Colour, ground: Colour, stretch: float) -> Image.Image:
    image = _gradient(SIZE, tuple(max(0, value - 26) for value in ground), ground)  # type: ignore[arg-type]
    spots = [
        (x + chance.randrange(-30, 30), y + chance.randrange(-24, 24))
        for y in (170, 360, 550)
        for x in (170, 400, 630, 830)
    ]
    for x, y in chance.sample(spots, 8):
        r = chance.randrange(84, 118)
        shadow = Image.new("L", SIZE, 0)
        ImageDraw.Draw(shadow).ellipse((x - r * stretch, y - r * 0.55, x + r * stretch + 26, y + r + 26), fill=90)
        image.paste((20, 20, 26), mask=shadow.filter(ImageFilter.GaussianBlur(14)))
        draw = ImageDraw.Draw(image)
        for step in range(26):
            share = step / 26
            shade = tuple(min(255, round(value * (0.72 + 0.36 * share))) for value in colour)
            inner = r * (1 - share * 0.82)
            cx, cy = x - r * share * 0.24, y - r * share * 0.26
            draw.ellipse((cx - inner * stretch, cy - inner, cx + inner * stretch, cy + inner), fill=shade)
        draw.ellipse((x + r * 0.05, y - r * 0.98, x + r * 0.62, y - r * 0.66), fill=(74, 140, 60))
    return image.filter(ImageFilter.GaussianBlur(0.8))
