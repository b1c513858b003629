# Six formats out, piece by piece; any recording in, and nothing else.
from __future__ import annotations

import io
import wave
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy", reason="needs the extra 'speech' or 'transcription'")
av = pytest.importorskip("av", reason="needs the extra 'speech' or 'transcription'")

from providers.sound import FORMATS, HEARD_RATE, Encoder, Format, Samples, TooLong, Undecodable, decode  # noqa: E402

RATE = 24000


def tone(seconds: float, pitch: float = 440.0) -> Samples:
    found: Samples = (0.5 * np.sin(2 * np.pi * pitch * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)
    return found


def encode(format: Format, samples: Samples, pieces: int = 1) -> bytes:
    encoder = Encoder(format, RATE)
    return b"".join(map(encoder.feed, np.array_split(samples, pieces))) + encoder.end()


def pitch(samples: Samples) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * HEARD_RATE / len(samples))


def as_wav(pcm: bytes, rate: int = RATE, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(pcm)
    return file.getvalue()


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_encoded_is_heard(format: Format) -> None:
    data = encode(format, tone(2.0), pieces=7)
    heard = decode(as_wav(data) if format == "pcm" else data, longest=10)
    assert len(heard) / HEARD_RATE == pytest.approx(2.0, abs=0.1)
    assert pitch(heard) == pytest.approx(440, abs=2)
    assert 0.4 < float(np.max(np.abs(heard))) < 0.6


@pytest.mark.parametrize("format", FORMATS)
def test_sound_leaves_before_the_end(format: Format) -> None:
    encoder = Encoder(format, RATE)
    first = encoder.feed(tone(1.0))
    assert len(first) > 1000
    assert encoder.feed(tone(0.0)) == b""
    assert len(encoder.feed(tone(1.0))) > 1000
    encoder.end()


def test_headers_say_that_the_length_is_unknown() -> None:
    sound = encode("wav", tone(1.0))
    assert (sound[:8], sound[36:44]) == (b"RIFF\xff\xff\xff\xff", b"data\xff\xff\xff\xff")
    assert sound[44:] == encode("pcm", tone(1.0))
    sound = encode("flac", tone(1.0))
    assert sound[:4] == b"fLaC"
    assert int.from_bytes(sound[21:26]) & 0xF_FFFF_FFFF == 0  # "A value of 0 here means the number ... is unknown"


@pytest.mark.parametrize("format", sorted(FORMATS.keys() - {"opus"}))  # Ogg has a serial number, which is random
def test_the_same_samples_are_the_same_bytes(format: Format) -> None:
    assert encode(format, tone(0.5)) == encode(format, tone(0.5))


def test_louder_than_full_is_full() -> None:
    pcm = np.frombuffer(encode("pcm", tone(0.1) * 9), "<i2")
    assert (pcm.min(), pcm.max()) == (-32767, 32767)


def test_channels_and_rates_are_mixed_and_resampled() -> None:
    time = np.arange(2 * 44100) / 44100
    both = np.stack([np.sin(2 * np.pi * 440 * time), np.zeros(len(time))], axis=1)
    heard = decode(as_wav((both * 20000).astype("<i2").tobytes(), rate=44100, channels=2), longest=10)
    assert len(heard) / HEARD_RATE == pytest.approx(2.0, abs=0.01)
    assert pitch(heard) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("format", ["mp3", "flac", "opus"])
def test_a_damaged_middle_does_not_lose_the_rest(format: Format) -> None:
    data = bytearray(encode(format, tone(4.0)))
    middle = len(data) // 2
    data[middle : middle + 64] = b"\x55" * 64
    assert len(decode(bytes(data), longest=10)) / HEARD_RATE > 3.0


def in_stereo(seconds: float) -> bytes:
    """AAC of two channels."""
    file = io.BytesIO()
    with av.open(file, "w", format="adts") as container:
        stream = container.add_stream("aac", rate=RATE)
        stream.layout = "stereo"
        samples = np.ascontiguousarray(np.stack([tone(seconds), tone(seconds)]))
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate = RATE
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue()


def test_channels_and_rates_may_change_on_the_way() -> None:
    heard = decode(in_stereo(1.0) + encode("aac", tone(1.0)) + in_stereo(1.0), longest=10)
    assert len(heard) / HEARD_RATE == pytest.approx(3.0, abs=0.3)
    assert pitch(heard) == pytest.approx(440, abs=2)


WHOLE = {format: encode(format, tone(1.0)) for format in FORMATS} | {"stereo": in_stereo(1.0)}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_damage_is_no_more_than_that(data: st.DataObject) -> None:
    """A crash of FFmpeg or PyAV would be the server's, so that one here ends the tests."""
    whole = bytearray(WHOLE[data.draw(st.sampled_from(sorted(WHOLE)))])
    for place, junk in data.draw(st.lists(st.tuples(st.integers(0, len(whole)), st.binary(max_size=9)), max_size=20)):
        whole[place : place + data.draw(st.integers(0, 9))] = junk
    with suppress(Undecodable, TooLong):
        decode(bytes(whole), longest=10)


def film(sound: str) -> bytes:
    """A second of it, with that codec's sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        pictures = container.add_stream("mpeg4", rate=5)
        pictures.width = pictures.height = 16
        voice = container.add_stream(sound, rate=48000)
        voice.layout = "mono"
        samples = np.ascontiguousarray(tone(2.0)[None])  # at twice the rate, and so an octave higher
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux([*pictures.encode(av.VideoFrame(16, 16, "yuv420p")), *pictures.encode(None)])
        container.mux([*voice.encode(frame), *voice.encode(None)])
    return file.getvalue()


def test_the_sound_of_a_film_is_heard_if_its_codec_is_known() -> None:
    assert pitch(decode(film("aac"), longest=10)) == pytest.approx(880, abs=2)
    with pytest.raises(Undecodable):
        decode(film("ac3"), longest=10)
    unknown = bytearray(as_wav(bytes(4000)))
    unknown[20:22] = b"\xfe\xca"
    with pytest.raises(Undecodable):
        decode(bytes(unknown), longest=10)


def pictures() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 16
        frame = av.VideoFrame(16, 16, "yuv420p")
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return file.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"\0", b"hello " * 1000, b"RIFF\0\0\0\0WAVE", as_wav(b""), encode("flac", tone(1.0))[:40], pictures()],
    ids=["empty", "zero", "text", "header", "silence", "cut", "pictures"],
)
def test_what_is_no_recording(data: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(data, longest=10)


def test_no_file_that_an_upload_names_is_opened(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(encode("wav", tone(1.0)))
    name = str(tmp_path / "a.wav")
    playlists = [
        f"ffconcat version 1.0\nfile {name}\n",
        f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:1,\nfile://{name}\n#EXT-X-ENDLIST\n",
        f"v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\na=x:{name}\n",
    ]
    with av.open(io.BytesIO(playlists[0].encode()), options={"safe": "0"}, format="concat") as opened:
        assert opened.streams.audio  # it can be done, where nobody forbids it
    for playlist in playlists:
        with pytest.raises(Undecodable):
            decode(playlist.encode(), longest=10)


def test_who_leaves_ends_the_reading() -> None:
    packets = 0

    def leave() -> None:
        nonlocal packets
        packets += 1
        if packets == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode(encode("mp3", tone(5)), longest=10, pause=leave)
    assert packets == 3


def test_a_tag_in_another_encoding_is_no_flaw() -> None:
    wav = as_wav(b"\x00\x10" * RATE)
    title = "Ä".encode("latin-1") + b"x"
    tags = b"INFOINAM" + len(title).to_bytes(4, "little") + title
    tagged = wav[:12] + b"LIST" + len(tags).to_bytes(4, "little") + tags + wav[12:]
    assert len(decode(tagged, longest=10)) == len(decode(wav, longest=10)) > 0


def test_a_few_bytes_that_are_hours() -> None:
    silence = encode("flac", np.zeros(RATE * 120, np.float32))
    assert len(silence) < 25_000  # of 5.8 MB
    assert len(decode(silence, longest=120)) == 120 * HEARD_RATE
    with pytest.raises(TooLong):
        decode(silence, longest=119)
    for rate in (1, 2**30):
        with pytest.raises(Undecodable):
            decode(as_wav(bytes(4000), rate=rate), longest=1800)
