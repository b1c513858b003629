# A picture made of numbers: a prompt's words choose a scene, its hash everything else. No model, no training, no data.
#
# A scene is a function of the height: given some rows, it says their colours. Behind everything is the sky with its
# light and its clouds; before it stand lands, each no more than a skyline (mountains are noise, firs and houses are
# shapes along it) and a colour that fades into the horizon; water shows the rows above it once more, upside down and
# shaken. So a picture is painted in bands: the memory is the band's, and between two bands the painter can be stopped.
# A prompt that names nothing known becomes veins of a few colours. Lengths are in picture heights, y grows downwards.
from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .noise import Noise, Numbers, mix

__all__ = ("paint", "scene_of")

_Colour: TypeAlias = tuple[float, float, float]

#: Skyline, colour, how misty the foot is, lit windows.
_Layer: TypeAlias = tuple[Numbers, Numbers, float, Numbers | None]

_BAND: Final = 64  # rows
_HORIZON: Final = 0.62

#: Hour -> zenith, middle of the sky, horizon, light, land that is near.
_HOURS: Final[Mapping[str, tuple[int, int, int, int, int]]] = {
    "day": (0x2F6FB3, 0x7FB2DE, 0xD8E8EE, 0xFFF6DC, 0x2F4A3C),
    "sunset": (0x2B2A5E, 0xB4506A, 0xFFB066, 0xFFE3A0, 0x1D1526),
    "dawn": (0x5B7DB1, 0xE3A8B0, 0xFFE0C0, 0xFFF3D6, 0x33384D),
    "night": (0x060A1C, 0x0F1B3D, 0x2A3C66, 0xE8ECF8, 0x04060E),
    "storm": (0x3A434C, 0x6B757D, 0xA9B0B2, 0xE6E6DE, 0x1E2525),
}
_HOUR_WORDS: Final[Mapping[str, str]] = {
    "sunset": "sunset sundown dusk evening twilight autumn fire volcano romantic",
    "dawn": "dawn sunrise morning spring pink pastel",
    "night": "night midnight moon moonlit moonlight star starry stars galaxy space dark aurora cyberpunk neon universe",
    "storm": "storm stormy rain rainy fog foggy mist misty cloudy overcast grey gray gloomy thunder",
    "day": "day sun sunny noon summer blue clear bright sky cloud",
}
_LAND_WORDS: Final[Mapping[str, str]] = {
    "mountains": "mountain alp hill peak valley volcano summit landscape snow himalaya cliff canyon glacier",
    "desert": "desert dune sand sahara egypt pyramid",
    "city": "city town skyline street skyscraper building metropolis tokyo paris london york berlin house village neon",
    "sea": "sea ocean beach lake river water coast island wave ship boat harbor harbour shore bay fjord lighthouse",
    "forest": "forest tree wood woods jungle pine fir park cabin garden nature deer",
    "field": "field meadow grass prairie farm countryside flower lawn savanna horse cow",
}
_COLOURS: Final[Mapping[str, int]] = {
    "red": 0xD03030, "orange": 0xF08A24, "yellow": 0xF2CF3A, "green": 0x3FA34D, "blue": 0x2F66D0, "purple": 0x7A3FB0,
    "violet": 0x7A3FB0, "pink": 0xF08AB4, "brown": 0x7A5230, "white": 0xF4F4F0, "black": 0x101014, "gold": 0xE0B040,
    "golden": 0xE0B040, "turquoise": 0x35B8B0, "teal": 0x208080,
}  # fmt: skip


def scene_of(prompt: str) -> tuple[str | None, frozenset[str]]:
    """The hour and the lands that the prompt names; ``(None, frozenset())``: nothing that is known here."""
    words = _words(prompt)
    lands = frozenset(land for land, names in _LAND_WORDS.items() if words & set(names.split()))
    hour = next((hour for hour, names in _HOUR_WORDS.items() if words & set(names.split())), None)
    return (hour or "day") if lands else hour, lands


def paint(
    prompt: str, width: int, height: int, seed: int, *, pause: Callable[[], None] = lambda: None
) -> NDArray[np.uint8]:
    """The picture of `prompt`, always the same for the same arguments, as an array of height x width x 3.

    :param pause: called often; what it raises ends the painting.
    """
    digest = sha256(f"{seed}\n{prompt}".encode("utf-8", "surrogatepass")).digest()
    chance = np.random.Generator(np.random.PCG64(int.from_bytes(digest)))
    hour, lands = scene_of(prompt)
    colours = [_colour(_COLOURS[word]) for word in re.findall(r"[a-z]+", prompt.lower()) if word in _COLOURS]
    across = (np.arange(width, dtype=np.float32) + 0.5) / height
    scene = _Veins(chance, across, colours) if hour is None else _Scene(chance, across, height, hour, lands, colours)
    # Film grain: without it, a sky of 8 bits shows stripes. The same in every band, which nobody sees.
    grain = chance.normal(0.5, 1.2, (_BAND, width, 1)).astype(np.float32)
    picture = np.empty((height, width, 3), np.uint8)
    for top in range(0, height, _BAND):
        pause()
        y = (np.arange(top, min(top + _BAND, height), dtype=np.float32) + 0.5) / height
        picture[top : top + _BAND] = np.clip(scene.rows(y) * 255 + grain[: len(y)], 0, 255)
    return picture


class _Veins:
    """For prompts that name nothing: veins, as in marble."""

    def __init__(self, chance: np.random.Generator, x: Numbers, colours: list[_Colour]) -> None:
        names = chance.permutation(sorted(_COLOURS.values()))[:4]
        self._palette = np.array([*colours, *map(_colour, names)][:4], np.float32)
        self._noises = [Noise(chance, x, fine, fine, 4) for fine in (1.1, 1.7, 9.0)]
        self._turns = float(chance.uniform(2.5, 5))

    def rows(self, y: Numbers) -> Numbers:
        flow, bend, fine = (noise.at(y) for noise in self._noises)
        wave = 0.5 + 0.5 * np.sin(2 * np.pi * (self._turns * flow + bend))
        stops = np.linspace(0, 1, len(self._palette))
        colours = np.stack([np.interp(wave, stops, channel) for channel in self._palette.T], axis=-1)
        return np.asarray(colours * (0.8 + 0.4 * fine[..., None]), np.float32)


class _Scene:
    def __init__(
        self,
        chance: np.random.Generator,
        x: Numbers,
        height: int,
        hour: str,
        lands: frozenset[str],
        colours: list[_Colour],
    ) -> None:
        self._chance, self._x, self._height, self._hour = chance, x, height, hour
        palette = np.array([_colour(colour) for colour in _HOURS[hour]], np.float32)
        for index, colour in enumerate(colours[:2]):  # a colour that is named colours the air
            palette[1 + index] = mix(palette[1 + index], np.array(colour, np.float32), 0.4)
        palette[:3] += chance.normal(0, 0.025, (3, 3)).astype(np.float32)
        self._air, self._light, self._near = palette[:3], palette[3], palette[4]
        wide = float(x[-1])
        low = {"night": 0.22, "day": 0.2, "storm": 0.3}.get(hour, _HORIZON - (0.3 if "mountains" in lands else 0.12))
        self._sun = float(chance.uniform(0.25, 0.75)) * wide, low + float(chance.uniform(-0.04, 0.04))
        self._stars = chance.random((500 if hour == "night" else 0, 3))
        self._clouds = Noise(chance, x, 1.6, 5.5, 5)
        self._cover = {"storm": 0.3, "night": 0.62}.get(hour, float(chance.uniform(0.46, 0.56)))
        self._ground = Noise(chance, x, 14, 40, 4)
        self._water = "sea" in lands
        self._waves = Noise(chance, x, 5, 9, 4)
        self._far = [layer for land in ("mountains", "desert", "city") if land in lands for layer in self._land(land)]
        shore = [layer for land in ("field", "forest") if land in lands for layer in self._land(land)]
        self._front = shore if self._water or self._far or shore else list(self._land("mountains"))[-2:]

    def rows(self, y: Numbers) -> Numbers:
        return self._before(self._water_and_land, self._front, y)

    def _water_and_land(self, y: Numbers) -> Numbers:
        picture = self._land_and_sky(y)
        if self._water:
            self._reflect(picture, y)
        return picture

    def _land_and_sky(self, y: Numbers) -> Numbers:
        return self._before(self._sky, self._far, y)

    def _before(self, behind: Callable[[Numbers], Numbers], layers: list[_Layer], y: Numbers) -> Numbers:
        """The layers, and what is behind them where it is to be seen."""
        hiding = [index for index, layer in enumerate(layers) if np.min(y) - np.max(layer[0]) > 1 / self._height]
        picture = np.zeros((len(y), len(self._x), 3), np.float32) if hiding else behind(y)
        rough = 1 + 0.3 * (self._ground.at(y) - 0.5)[..., None]
        for layer in layers[hiding[-1] if hiding else 0 :]:
            self._cover_with(picture, y, rough, *layer)
        return picture

    def _sky(self, y: Numbers) -> Numbers:
        stops = (0.0, _HORIZON * 0.6, _HORIZON)
        air = np.stack([np.interp(y, stops, channel) for channel in self._air.T], axis=-1).astype(np.float32)
        picture = np.repeat(air[:, None], len(self._x), axis=1)
        self._shine(picture, y)
        x, down = self._sun
        away = np.hypot(self._x - x, y[:, None] - down)
        moon = self._hour == "night"
        size = 0.05 if moon else 0.045
        glow = (0.25 if moon else 0.55) * np.exp(-away / (0.12 if moon else 0.28))
        disc = self._edge(size - away)
        if moon:  # a crescent
            disc = disc * self._edge(np.hypot(self._x - x - 0.02, y[:, None] - down + 0.012) - size * 0.92)
        if self._hour == "storm":
            glow, disc = glow * 0.4, disc * 0
        _blend(picture, self._light, np.maximum(glow, disc))
        cloud = np.clip((self._clouds.at(y) - self._cover) * 5, 0, 1) * np.clip(1.15 - y[:, None], 0, 1)
        shade = mix(self._air[1] * 0.75, self._light, 0.12 if moon else 0.5)
        _blend(picture, shade, cloud * 0.75)
        return picture

    def _shine(self, picture: Numbers, y: Numbers) -> None:
        size = max(1, self._height // 600)
        for x, down, bright in self._stars:
            column = int(x * len(self._x))
            for row in np.flatnonzero(np.abs(y - down * _HORIZON) * self._height < size / 2):
                picture[row, column : column + size] += bright**3 * 0.9

    def _land(self, land: str) -> list[_Layer]:
        """The layers of a land from far to near."""
        chance, x = self._chance, self._x
        count, tint, mist = {
            "mountains": (4, 0x2E4057, 0.55),
            "desert": (3, 0xC98A4B, 0.25),
            "city": (3, 0x39404F, 0.35),
            "field": (3, 0x5E8A3A, 0.2),
            "forest": (4, 0x24452F, 0.3),
        }[land]
        colour = mix(np.array(_colour(tint), np.float32), self._near, 0.35)
        if self._hour != "day":
            colour = mix(colour, self._near, 0.6 if self._hour == "night" else 0.45)
        layers = []
        for index in range(count):
            near = (index + 1) / count
            windows: Numbers | None = None
            noise = Noise(chance, x, 1.2 + near if land == "mountains" else 0.8 + near, 1, 7).line()
            if land == "mountains":
                ridge = 1 - np.abs(2 * noise - 1)
                top = _HORIZON + 0.1 * near - (0.42 - 0.22 * near) * ridge - 0.05 * noise
            elif land == "forest":
                top = 0.66 + 0.16 * near + 0.1 * (noise - 0.5) - self._firs(0.05 + 0.13 * near)
            elif land == "city":
                top, windows = self._houses(near)
            else:
                soft = Noise(chance, x, 0.9 + near, 1, 2).line()
                top = (0.6 if land == "desert" else 0.64) + 0.14 * near - 0.16 * soft + 0.01 * noise
            far = mix(self._air[2], colour, 0.25 + 0.75 * near)
            layers.append((top.astype(np.float32), far, mist * (1 - 0.5 * near), windows))
        return layers

    def _firs(self, tall: float) -> Numbers:
        heights = np.zeros_like(self._x)
        for at in np.arange(-tall, float(self._x[-1]) + tall, tall * 0.24):
            size, at = tall * self._chance.uniform(0.5, 1), at + tall * self._chance.uniform(-0.1, 0.1)
            slope = np.abs(self._x - at) / (size * 0.24)  # 1 at the foot's edge
            branches = 0.16 * ((slope * 5) % 1) * (slope < 1)
            heights = np.maximum(heights, size * np.clip(1 - slope - branches * slope, 0, 1))
        return heights

    def _houses(self, near: float) -> tuple[Numbers, Numbers]:
        top = np.full_like(self._x, 1.0)
        lit = np.zeros((160, len(self._x)), np.float32)
        room = 0.018 * (0.6 + 0.4 * near)
        at = -0.02
        while at < self._x[-1]:
            rooms = int(self._chance.integers(3, 8))
            tall = self._chance.uniform(0.1, 0.42) * (1.15 - 0.55 * near)
            here = (self._x >= at) & (self._x < at + rooms * room)
            top[here] = _HORIZON + 0.06 * near - tall
            inside = ((self._x[here] - at) / room) % 1
            pane = (inside > 0.25) & (inside < 0.75)
            which = ((self._x[here] - at) / room).astype(np.intp)
            lit[:, here] = (self._chance.random((160, rooms)) < 0.4)[:, which] * pane
            at += rooms * room + self._chance.uniform(0, room)
        return top, lit

    def _cover_with(
        self,
        picture: Numbers,
        y: Numbers,
        rough: Numbers,
        top: Numbers,
        colour: Numbers,
        mist: float,
        lit: Numbers | None,
    ) -> None:
        depth = y[:, None] - top
        if not (depth > -1 / self._height).any():
            return
        foggy = (mist * np.clip(depth / 0.35, 0, 1))[..., None]
        surface = mix(colour, self._air[2], foggy) * rough
        if lit is not None and self._hour != "day":
            floor = depth / 0.022
            pane = (floor % 1 > 0.3) & (floor % 1 < 0.75) & (floor > 0.4)
            on = lit[np.clip(floor, 0, len(lit) - 1).astype(np.intp), np.arange(len(top))] * pane
            _blend(surface, np.array(_colour(0xFFD98A), np.float32), on * 0.85)
        _blend(picture, surface, self._edge(depth))

    def _reflect(self, picture: Numbers, y: Numbers) -> None:
        below = y > _HORIZON
        if not below.any():
            return
        deep = (y[below] - _HORIZON) / (1 - _HORIZON)  # 0 at the horizon, 1 at our feet
        wave = self._waves.at(3 / (deep + 0.12))
        wobble = (wave.mean(axis=1) - 0.5) * 0.25 * deep
        mirror = self._land_and_sky(np.clip(_HORIZON - 0.9 * (y[below] - _HORIZON) + wobble, 0, _HORIZON - 0.005))
        water = mix(mirror, self._air[0] * 0.7, (0.18 + 0.3 * deep)[:, None, None])
        water *= (0.82 + 0.36 * wave)[..., None]
        path = np.exp(-(((self._x - self._sun[0]) / (0.05 + 0.12 * deep[:, None])) ** 2))
        glitter = path * np.clip(wave * 6 - 3.1, 0, 1)
        _blend(water, self._light, glitter * (0.0 if self._hour == "storm" else 0.8))
        picture[below] = water

    def _edge(self, depth: Numbers) -> Numbers:
        """0 outside, 1 inside, and the part of the pixel that is inside between them."""
        return np.asarray(np.clip(depth * self._height + 0.5, 0, 1), np.float32)


def _words(prompt: str) -> set[str]:
    words = set(re.findall(r"[a-z]+", prompt.lower()))
    plurals = (("s", ""), ("es", ""), ("ies", "y"))
    return words | {word.removesuffix(end) + one for end, one in plurals for word in words if word.endswith(end)}


def _colour(rgb: int) -> _Colour:
    return (int(rgb) >> 16) / 255, (int(rgb) >> 8 & 255) / 255, (int(rgb) & 255) / 255


def _blend(picture: Numbers, colour: Numbers, share: Numbers) -> None:
    picture += (colour - picture) * share[..., None]
