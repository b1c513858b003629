# A transcript's times: SRT and WebVTT subtitles, the members of a verbose JSON, and those read back.
#
# A verbose JSON tells the words beside the segments and not in them; read back, a word belongs to the last segment that
# has begun with it. Languages have their English names there, and codes everywhere else.
# https://platform.openai.com/docs/api-reference/audio/verbose-json-object  https://www.w3.org/TR/webvtt1/
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import isfinite
from typing import Final

from .._events import Heard, ProviderEvent, Segment, Word
from .._text import quoted
from .reader import Json, children, text

__all__ = ("read_segments", "srt", "verbose", "vtt")

#: Codes of ISO 639-1, and where it has none of 639-3, with Whisper's names for the languages.
_NAMES: Final = (
    "en english, zh chinese, de german, es spanish, ru russian, ko korean, fr french, ja japanese, pt portuguese, tr "
    "turkish, pl polish, ca catalan, nl dutch, ar arabic, sv swedish, it italian, id indonesian, hi hindi, fi "
    "finnish, vi vietnamese, he hebrew, uk ukrainian, el greek, ms malay, cs czech, ro romanian, da danish, hu "
    "hungarian, ta tamil, no norwegian, th thai, ur urdu, hr croatian, bg bulgarian, lt lithuanian, la latin, mi "
    "maori, ml malayalam, cy welsh, sk slovak, te telugu, fa persian, lv latvian, bn bengali, sr serbian, az "
    "azerbaijani, sl slovenian, kn kannada, et estonian, mk macedonian, br breton, eu basque, is icelandic, hy "
    "armenian, ne nepali, mn mongolian, bs bosnian, kk kazakh, sq albanian, sw swahili, gl galician, mr marathi, pa "
    "punjabi, si sinhala, km khmer, sn shona, yo yoruba, so somali, af afrikaans, oc occitan, ka georgian, be "
    "belarusian, tg tajik, sd sindhi, gu gujarati, am amharic, yi yiddish, lo lao, uz uzbek, fo faroese, tk turkmen, "
    "ps pashto, mt maltese, sa sanskrit, lb luxembourgish, my myanmar, bo tibetan, tl tagalog, mg malagasy, as "
    "assamese, tt tatar, haw hawaiian, ln lingala, ha hausa, ba bashkir, jw javanese, su sundanese, yue cantonese"
)
_LANGUAGES: Final[dict[str, str]] = dict(pair.split(" ") for pair in _NAMES.split(", "))
_CODES: Final = {name: code for code, name in _LANGUAGES.items()}


def srt(segments: Iterable[Segment]) -> str:
    """SubRip: numbered, and with decimal commas."""
    return "".join(
        f"{number}\n{_stamp(one.start, ',')} --> {_stamp(one.end, ',')}\n{_line(one.text)}\n\n"
        for number, one in enumerate(segments, 1)
    )


def vtt(segments: Iterable[Segment]) -> str:
    """WebVTT, whose texts are markup: "&" and "<" are escaped."""
    cues = (
        f"{_stamp(one.start, '.')} --> {_stamp(one.end, '.')}\n"
        f"{_line(one.text).replace('&', '&amp;').replace('<', '&lt;')}\n\n"
        for one in segments
    )
    return "WEBVTT\n\n" + "".join(cues)


def _stamp(seconds: float, mark: str) -> str:
    milliseconds = round(max(0.0, seconds) * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{mark}{rest % 1000:03}"


def _line(text: str) -> str:
    # A blank line would end the cue, and an arrow begin another one.
    return " ".join(text.split()).replace("-->", "->")


def verbose(heard: Heard | None, segments: Sequence[Segment], grains: frozenset[str]) -> bytes:
    """The members that a verbose JSON has beside its text, with a comma before each."""
    language = "" if heard is None else heard.language
    duration = heard.duration if heard is not None else segments[-1].end if segments else 0.0
    out = b',"language":%b,"duration":%b' % (quoted(_LANGUAGES.get(language, language)), _json(duration))
    if "segment" in grains:
        out += b',"segments":%b' % _json([_segment(number, one) for number, one in enumerate(segments)])
    if "word" in grains:
        words = [
            {"word": word.text, "start": word.start, "end": word.end} for segment in segments for word in segment.words
        ]
        out += b',"words":%b' % _json(words)
    return out


def _segment(number: int, segment: Segment) -> dict[str, object]:
    return {
        "id": number,
        "seek": round(segment.start * 100),  # in frames of a hundredth of a second
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": segment.tokens,
        "temperature": segment.temperature,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_prob,
    }


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def read_segments(document: Json, whole: str) -> Iterator[ProviderEvent]:
    """What a JSON of either kind tells of a recording whose text is `whole`."""
    if document.get("language") or document.get("duration"):
        language = text(document, "language").lower()
        yield Heard(language=_CODES.get(language, language), duration=_number(document, "duration"))
    words = [
        Word(text=text(one, "word"), start=_number(one, "start"), end=_number(one, "end"))
        for one in children(document, "words")
    ]
    segments = [_read_segment(one) for one in children(document, "segments")]
    if words and not segments:
        segments = [Segment(start=words[0].start, end=words[-1].end, text=whole)]
    if "".join(segment.text for segment in segments).strip() != whole.strip():  # some upstreams strip each segment
        segments = [replace(segment, text=f" {segment.text.strip()}") for segment in segments]
    if not segments and whole:
        yield whole
    for position, segment in enumerate(segments):
        begun = segments[position + 1].start if position + 1 < len(segments) else None
        count = sum(begun is None or word.start < begun for word in words)
        yield replace(segment, words=tuple(words[:count]))
        del words[:count]


def _read_segment(found: Json) -> Segment:
    tokens = found.get("tokens")
    return Segment(
        start=_number(found, "start"),
        end=_number(found, "end"),
        text=text(found, "text"),
        tokens=tuple(token for token in tokens if type(token) is int) if isinstance(tokens, list) else (),
        temperature=_number(found, "temperature"),
        avg_logprob=_number(found, "avg_logprob"),
        compression_ratio=_number(found, "compression_ratio"),
        no_speech_prob=_number(found, "no_speech_prob"),
    )


def _number(document: Json, name: str) -> float:
    value = document.get(name)
    return float(value) if type(value) in (int, float) and isfinite(value) else 0.0  # type: ignore[arg-type]
