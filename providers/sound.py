# Sound in and out, through PyAV: samples to six formats as they are made, and any recording to the samples a model
# hears.
#
# The encoder writes into something that cannot seek, as a reply cannot: the headers of wav and flac then say that the
# length is unknown (0xFFFFFFFF, and 0 samples), as OpenAI's do, and mp3 has no frame with an index. The decoder
# believes nothing. FFmpeg is told which containers and codecs it may take an upload for: it knows hundreds, and some
# (playlists) make it open files and addresses named inside. The samples have a bound: a few bytes can be hours.
#
# Needs numpy and PyAV: it is imported by who has seen that they are there. Nothing here is async; all of it blocks.
from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from io import BytesIO
from typing import Any, Final, Literal, NamedTuple

import av
import numpy as np
from av import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

__all__ = ("FORMATS", "HEARD_RATE", "Encoder", "Format", "Samples", "TooLong", "Undecodable", "decode")

#: Mono, from -1 to 1.
Samples = NDArray[np.float32]
Format = Literal["mp3", "opus", "aac", "flac", "wav", "pcm"]

HEARD_RATE: Final = 16000  #: samples a second that speech recognition takes
#: Tags in another encoding than UTF-8 are no reason to refuse a recording; PyAV 19 knows that by itself.
_TAGS: Final[dict[str, Any]] = {} if int(av.__version__.partition(".")[0]) >= 19 else {"metadata_errors": "ignore"}


class _Kind(NamedTuple):
    container: str
    codec: str
    sample_format: str
    rate: int | None = None  # None: as the samples come
    bit_rate: int | None = None
    options: Mapping[str, str] = {}


#: pcm is "raw samples in 24kHz (16-bit signed, low-endian), without the header".
#: https://platform.openai.com/docs/guides/text-to-speech#supported-output-formats
FORMATS: Final[Mapping[Format, _Kind]] = {
    "mp3": _Kind("mp3", "libmp3lame", "fltp", bit_rate=96_000, options={"write_xing": "0", "id3v2_version": "0"}),
    # Opus knows 48 kHz; pages of a fifth of a second, so that none waits for a whole one to fill.
    "opus": _Kind("ogg", "libopus", "flt", rate=48_000, bit_rate=48_000, options={"page_duration": "200000"}),
    "aac": _Kind("adts", "aac", "fltp", bit_rate=96_000),
    "flac": _Kind("flac", "flac", "s16"),
    "wav": _Kind("wav", "pcm_s16le", "s16"),
    "pcm": _Kind("s16le", "pcm_s16le", "s16"),
}

#: "flac, mp3, mp4, mpeg, mpga, m4a, ogg, wav, or webm" (CreateTranscriptionRequest), and the aac we speak ourselves.
_CONTAINERS: Final = "aac,flac,matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,mp3,mpeg,ogg,wav"
#: What is in them; no decoder of pictures is opened to find out more about a film.
_CODECS: Final = (
    "aac,aac_latm,alac,flac,libopus,libvorbis,mp2,mp2float,mp3,mp3float,opus,vorbis,"
    "pcm_alaw,pcm_f32le,pcm_f64le,pcm_mulaw,pcm_s16le,pcm_s24le,pcm_s32le,pcm_u8"
)
#: A telephone has 8 kHz, a studio 192. Without a bound 64 Ki samples at 1 Hz become 2 GB, and a filter from 1 GHz takes
#: seconds to make.
_RATES: Final = range(4_000, 384_001)


class Encoder:
    """Samples of `rate` to one sound file, piece by piece.

    :raises KeyError: no such format.
    """

    def __init__(self, format: Format, rate: int) -> None:
        kind = FORMATS[format]
        self._sink = _Sink()
        self._rate = rate
        # bitexact: no name and version of a library in the file
        options = {"flush_packets": "1", "fflags": "+bitexact", **kind.options}
        self._container = av.open(self._sink, "w", format=kind.container, container_options=options)
        stream = self._container.add_stream(kind.codec, rate=kind.rate or rate, options={"flags": "+bitexact"})
        assert isinstance(stream, AudioStream)
        self._stream = stream
        stream.layout = "mono"
        stream.format = kind.sample_format
        if kind.bit_rate is not None:
            stream.bit_rate = kind.bit_rate

    def feed(self, samples: Samples) -> bytes:
        """The bytes these samples made; fewer come at once than went in, and none from none."""
        if len(samples):
            ints = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(ints[None]), format="s16", layout="mono")
            frame.sample_rate = self._rate
            self._container.mux(self._stream.encode(frame))
        return self._sink.take()

    def end(self) -> bytes:
        """The rest of the file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._sink.take()


class _Sink:
    """What FFmpeg writes to: it has no `seek`, and so FFmpeg does not try."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> int:
        self._data += data
        return len(data)

    def take(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data


class Undecodable(Exception):
    """These bytes are no recording of a kind that is known here."""


class TooLong(Exception):
    """The recording lasts longer than it may."""


def decode(data: bytes, *, longest: float, pause: Callable[[], None] = lambda: None) -> Samples:
    """The first audio track of a recording, at :data:`HEARD_RATE`.

    :param longest: seconds.
    :param pause: called between two packets; what it raises ends the work.
    :raises Undecodable: it has no sound that can be read.
    :raises TooLong: it lasts longer than `longest`.
    """
    options = {"format_whitelist": _CONTAINERS, "codec_whitelist": _CODECS}
    try:
        with av.open(BytesIO(data), "r", container_options=options, **_TAGS) as container:
            tracks = container.streams.audio
            # a track of an unknown codec has no context, whatever its annotation says
            if not tracks or getattr(tracks[0].codec_context, "name", None) not in _CODECS.split(","):
                raise Undecodable
            pieces = [frame.to_ndarray()[0] for frame in _resampled(_frames(container, longest, pause))]
    except (av.error.FFmpegError, ValueError) as error:
        raise Undecodable from error
    if not any(map(len, pieces)):
        raise Undecodable
    return np.concatenate(pieces).astype(np.float32) / np.float32(32768)


def _resampled(frames: Iterable[AudioFrame]) -> Iterator[AudioFrame]:
    """The same sound, mono and at our rate."""
    kind, resampler = None, None
    for frame in frames:
        frame.pts = None  # the order is enough; clocks jump
        # Rate and channels may change on the way. A PyAV fifo would read the planes of the one in the other, and die.
        now = (frame.format.name, frame.layout.name, frame.sample_rate)
        if resampler is None or kind != now:
            yield from resampler.resample(None) if resampler is not None else ()
            kind, resampler = now, AudioResampler(format="s16", layout="mono", rate=HEARD_RATE)
        yield from resampler.resample(frame)
    yield from resampler.resample(None) if resampler is not None else ()


def _frames(container: InputContainer, left: float, pause: Callable[[], None]) -> Iterator[AudioFrame]:
    """The sound of the first track, at most so many seconds."""
    for packet in container.demux(container.streams.audio[:1]):
        pause()
        try:
            frames = packet.decode()
        except av.error.InvalidDataError:  # one damaged packet among good ones
            continue
        for frame in frames:
            assert isinstance(frame, AudioFrame)
            if frame.sample_rate not in _RATES:
                raise Undecodable
            left -= frame.samples / frame.sample_rate
            if left < -0.01:  # which many floats may sum up to
                raise TooLong
            yield frame
