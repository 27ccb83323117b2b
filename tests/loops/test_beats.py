import numpy as np
import pytest

from animatex_core.loops.beats import find_beats
from animatex_core.video.audio_samples import AudioSamples
from tests.loops.dances import music


@pytest.mark.parametrize("tempo", [90, 100, 120, 140])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_the_beats_of_a_drum_are_found(tempo: float, rate: int) -> None:
    beats = find_beats(music(tempo, 12, rate))
    assert beats is not None
    assert beats.period == pytest.approx(60 / tempo, rel=0.02)
    true = np.arange(0.2, 11.8, 60 / tempo)
    inner = beats.times[2:-2]
    assert np.abs(inner[:, None] - true).min(axis=1).max() < 0.04
    assert len(beats.times) == pytest.approx(len(true), abs=2)


@pytest.mark.parametrize(("tempo", "octave"), [(60, 2), (180, 0.5)])
def test_a_slow_beat_may_count_double_and_a_fast_one_half(tempo: float, octave: float) -> None:
    beats = find_beats(music(tempo, 16))
    assert beats is not None
    assert beats.period in (pytest.approx(60 / tempo, rel=0.02), pytest.approx(60 / tempo / octave, rel=0.02))


def test_times_are_compared_with_the_nearest_beat() -> None:
    beats = find_beats(music(120, 12))
    assert beats is not None
    on, between = beats.offsets(np.array([4.2, 6.7])), beats.offsets(np.array([4.45, 6.95]))
    assert on.max() < 0.1 < 0.4 < between.min()
    assert beats.offsets(np.array([-5.0, 500.0])).tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros((1, 100_000)),
        np.zeros((2, 0)),
        np.zeros((1, 50)),
        np.full((1, 100_000), np.nan),
        0.3 * np.random.default_rng(1).standard_normal((2, 200_000)),
        0.3 * np.sin(np.arange(200_000) / 10)[None],
    ],
    ids=["silence", "nothing", "a click", "NaN", "noise", "a tone"],
)
def test_what_has_no_beat_gives_none(sound: np.ndarray) -> None:
    assert find_beats(AudioSamples(sound.astype(np.float32), 22050)) is None
