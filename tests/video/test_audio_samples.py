"""Audio in memory."""

import math
import wave
from pathlib import Path

import numpy as np
import pytest

from animatex_core.errors import AnimateXWarning, InvalidInput, StorageError
from animatex_core.video.audio import AudioSource
from animatex_core.video.audio_samples import AudioSamples, read_samples, write_samples
from animatex_core.video.info import VideoInfo, probe
from animatex_core.video.writer import write_clip
from tests.video.samples import ffmpeg, make_clip, make_flash, samples_of
from tests.video.test_audio import LATE_PICTURES, LATE_SOUND


def noise(channels: int = 1, seconds: float = 2.0, rate: int = 44100) -> AudioSamples:
    waveform = np.random.default_rng(0).uniform(-0.9, 0.9, (channels, round(seconds * rate)))
    return AudioSamples(waveform.astype(np.float32), rate)


def clip_with(sound: AudioSamples, folder: Path) -> VideoInfo:
    """Return a clip of 2 seconds whose sound is not compressed."""
    wav, silent = write_samples(folder / "sound.wav", sound), make_clip(folder / "silent.mkv", 48)
    ffmpeg("-i", str(silent), "-i", str(wav), "-c", "copy", str(folder / "clip.mkv"))
    return probe(folder / "clip.mkv")


def found_in(clip: VideoInfo, start: float, seconds: float) -> AudioSamples:
    samples = read_samples(clip, start, seconds)
    assert samples is not None
    return samples


@pytest.mark.parametrize(
    ("channels", "rate", "start", "seconds"),
    [(1, 8000, 0, 2), (2, 44100, 0.5, 1), (2, 48000, 0.123, 0.001), (1, 96000, 1.5, 0.5)],
)
def test_samples_are_those_of_the_file(
    tmp_path: Path, channels: int, rate: int, start: float, seconds: float
) -> None:
    sound = noise(channels, rate=rate)
    found = found_in(clip_with(sound, tmp_path), start, seconds)
    expected = sound.part(start, seconds)
    assert (found.rate, found.waveform.dtype, found.waveform.shape) == (
        rate,
        np.float32,
        (channels, round(seconds * rate)),
    )
    np.testing.assert_allclose(found.waveform, expected.waveform, atol=1e-4)


def test_what_lies_past_the_end_is_silence(tmp_path: Path) -> None:
    clip = clip_with(noise(2, seconds=1), tmp_path)
    half, none = found_in(clip, 0.5, 1), found_in(clip, 1.5, 0.5)
    assert half.waveform.shape == (2, 44100)
    assert np.abs(half.waveform[:, :22000]).max() > 0.5
    assert not half.waveform[:, 22100:].any()
    assert (none.waveform.shape[1], none.waveform.any()) == (22050, False)


@pytest.mark.parametrize(
    ("name", "options", "beep"),
    [
        ("same.mp4", ("-i", "{0}", "-c", "copy"), 2.0),
        ("same.ts", ("-i", "{0}", "-c", "copy"), 2.0),
        ("late_sound.mp4", LATE_SOUND, 2.3),
        ("late_sound.mkv", LATE_SOUND, 2.3),
        ("late_pictures.mp4", LATE_PICTURES, 1.5),
        ("late_pictures.ts", LATE_PICTURES, 1.5),
        ("opus.webm", ("-i", "{0}", "-c:v", "libvpx", "-c:a", "libopus"), 2.0),
    ],
)
@pytest.mark.parametrize("start", [0.0, 1.25])
def test_seconds_count_from_the_first_frame(
    tmp_path: Path, name: str, options: tuple[str, ...], beep: float, start: float
) -> None:
    flash = make_flash(tmp_path / "flash.mp4")
    ffmpeg(*(option.format(flash) for option in options), str(tmp_path / name))
    found = found_in(probe(tmp_path / name), start, 2.5)
    begins = np.flatnonzero(np.abs(found.waveform[0]) > 0.15)[0] / found.rate
    assert begins + start == pytest.approx(beep, abs=0.01)
    assert found.waveform.shape[1] == 2.5 * found.rate


@pytest.mark.parametrize("channels", [3, 6, 8])
def test_many_channels_become_two(tmp_path: Path, channels: int) -> None:
    assert found_in(clip_with(noise(channels), tmp_path), 0, 1).waveform.shape == (2, 44100)


def test_a_video_without_sound_has_none(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    assert read_samples(probe(make_clip(tmp_path / "silent.mp4", 4)), 0, 1) is None
    assert not recwarn.list


def test_audio_that_cannot_be_decoded_is_reported_and_left_out(tmp_path: Path) -> None:
    source = make_flash(tmp_path / "odd.mkv", options=("-c:a", "pcm_s16le"))
    source.write_bytes(source.read_bytes().replace(b"A_PCM/INT/LIT", b"A_UNKNOWN/LIT"))
    with pytest.warns(AnimateXWarning, match="audio of .*odd.mkv' cannot be decoded"):
        assert read_samples(probe(source), 0, 1) is None


@pytest.mark.parametrize(("start", "seconds"), [(-1, 1), (0, 0), (math.nan, 1), (0, math.inf)])
def test_parts_that_cannot_be_are_refused(tmp_path: Path, start: float, seconds: float) -> None:
    with pytest.raises(InvalidInput, match="of the audio is"):
        read_samples(probe(make_clip(tmp_path / "clip.mp4", 4)), start, seconds)


@pytest.mark.parametrize("channels", [1, 2, 3, 6, 8, 9, 17])
def test_written_sound_can_be_put_into_a_video(tmp_path: Path, channels: int) -> None:
    tone = np.sin(np.arange(44100) * (2 * np.pi * 440 / 44100), dtype=np.float32) / 2
    wav = write_samples(tmp_path / "sound.wav", AudioSamples(np.tile(tone, (channels, 1)), 44100))
    clip = write_clip(
        tmp_path / "clip.mp4", [np.zeros((48, 64, 3), np.uint8)] * 8, fps=8, sound=AudioSource(wav)
    )
    spectrum = np.abs(np.fft.rfft(samples_of(clip)[:48000], 48000))
    assert np.argmax(spectrum) == pytest.approx(440, abs=2)


def test_written_sound_is_limited_and_finite(tmp_path: Path) -> None:
    loud = np.array([[2.0, -2.0, np.nan, np.inf, 0.5]], np.float32)
    with wave.open(str(write_samples(tmp_path / "loud.wav", AudioSamples(loud, 8000)))) as file:
        found = np.frombuffer(file.readframes(5), "<i2")
    assert found.tolist() == [32767, -32767, 0, 32767, 16384]


def test_an_unwritable_directory_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="could not be written"):
        write_samples(tmp_path / "file" / "sound.wav", noise())


@pytest.mark.parametrize(
    ("waveform", "rate"),
    [(np.zeros((2, 4)), 0), (np.zeros((2, 4)), -1), (np.zeros(4), 8000), (np.zeros((0, 4)), 8000)],
)
def test_sound_that_cannot_be_is_refused(waveform: np.ndarray, rate: int) -> None:
    with pytest.raises(InvalidInput, match=r"of the audio is|The audio has shape"):
        AudioSamples(waveform.astype(np.float32), rate)


@pytest.mark.parametrize(
    ("start", "seconds", "expected"),
    [(0, 0.4, [0, 1, 2, 3]), (0.2, 0.3, [2, 3, 4]), (0.8, 0.4, [8, 9, 0, 0]), (5, 0.2, [0, 0])],
)
def test_a_part_has_the_requested_length(start: float, seconds: float, expected: list[int]) -> None:
    part = AudioSamples(np.arange(10, dtype=np.float32)[None], 10).part(start, seconds)
    assert part.waveform[0].tolist() == expected
