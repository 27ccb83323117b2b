"""The beats of music: onset strength, tempo by its autocorrelation, beats by dynamic programming.

This is the method of Ellis, "Beat Tracking by Dynamic Programming" (Journal of New Music Research 36, 2007),
in numpy: it needs no trained model, and a loop only needs beats, not bars.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..video.audio_samples import AudioSamples

RATE = 100  # values of the onset strength per second
WINDOW_SECONDS = 0.04
BANDS, LOWEST, HIGHEST = 40, 60.0, 8000.0  # frequency bands, and their range in Hz
FLOOR_DB = 50.0  # below the loudest band, quieter changes do not count
FAINTEST = 3.0  # decibels in all bands together, by which music changes at least
BLOCK = 2000  # windows that are transformed at once
SHORTEST, LONGEST = 0.25, 1.5  # seconds of a beat: 240 to 40 beats per minute
USUAL_BEAT, OCTAVES = 0.5, 1.4  # centre and width of the tempo weighting (Ellis, section 3.2)
TIGHTNESS = 100.0  # how much uneven beats cost (Ellis, section 4.1)
STEADY = 0.1  # autocorrelation at the tempo, relative to lag 0, below which music has no beat

Curve = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Beats:
    """Beats of a piece of music.

    Attributes:
        times: Seconds, ascending.
        period: Seconds from one beat to the next.

    """

    times: Curve
    period: float

    def offsets(self, times: Curve) -> Curve:
        """Return how far times in seconds are from the nearest beat, in beats, 0 to 0.5."""
        places = np.searchsorted(self.times, times).clip(1, len(self.times) - 1)
        near = np.stack([self.times[places - 1], self.times[places]])
        return (np.abs(near - times).min(axis=0) / self.period).clip(0, 0.5)


def find_beats(samples: AudioSamples) -> Beats | None:
    """Find the beats of music.

    Args:
        samples: The sound.

    Returns:
        The beats; None for silence, and for sound that has no steady beat.

    """
    onsets = onset_strength(samples)
    period = _beat_period(onsets)
    if period is None:
        return None
    times = np.array(_track(onsets, period)) / RATE
    return Beats(times, period / RATE) if len(times) > 1 else None


def onset_strength(samples: AudioSamples) -> Curve:
    """Return how much louder the frequency bands of a sound become, `RATE` values per second.

    Zero on average over a second, with a standard deviation of 1; all zeros for silence and
    steady tones.
    """
    levels = list(_band_levels(samples))
    if not levels:
        return np.zeros(0)
    decibels = 10 * np.log10(np.maximum(np.concatenate(levels), 1e-12))
    audible = np.maximum(decibels, decibels.max() - FLOOR_DB)
    rises = np.maximum(np.diff(audible, axis=0, prepend=audible[:1]), 0).sum(axis=1)
    smoothed = np.convolve(rises, [0.25, 0.5, 0.25], mode="same")
    length = min(RATE, len(smoothed))
    onsets = smoothed - np.convolve(smoothed, np.full(length, 1 / length), mode="same")
    deviation = onsets.std()
    return onsets / deviation if deviation > FAINTEST else np.zeros_like(onsets)


def _band_levels(samples: AudioSamples) -> Iterator[NDArray[np.float32]]:
    """Yield the energy of each band in blocks of windows, (windows, bands)."""
    mono = np.nan_to_num(samples.waveform.mean(axis=0))
    size = max(16, round(WINDOW_SECONDS * samples.rate))
    starts = np.arange(0, len(mono) - size, samples.rate / RATE).astype(int)
    frequencies = np.fft.rfftfreq(size, 1 / samples.rate)
    edges = np.geomspace(LOWEST, min(HIGHEST, samples.rate / 2), BANDS + 1)
    band_of = np.searchsorted(edges, frequencies) - 1
    member = (band_of[:, None] == np.arange(BANDS)).astype(np.float32)
    window = np.hanning(size).astype(np.float32)
    for first in range(0, len(starts), BLOCK):
        pieces = mono[starts[first : first + BLOCK, None] + np.arange(size)] * window
        yield (np.abs(np.fft.rfft(pieces)) ** 2).astype(np.float32) @ member


def _beat_period(onsets: Curve) -> float | None:
    """Return the period of the beat in values of the onset strength, None without a steady one."""
    longest = min(round(LONGEST * RATE), len(onsets) // 2)
    lags = np.arange(round(SHORTEST * RATE), longest + 1)
    if not len(lags) or not onsets.any():
        return None
    spectrum = np.abs(np.fft.rfft(onsets, 2 * len(onsets))) ** 2
    correlation = np.fft.irfft(spectrum)[: lags[-1] + 2]
    usual = np.exp(-0.5 * (np.log2(lags / (USUAL_BEAT * RATE)) / OCTAVES) ** 2)
    best = int(lags[(correlation[lags] * usual).argmax()])
    if correlation[best] < STEADY * correlation[0]:
        return None
    before, at, after = correlation[best - 1 : best + 2]
    curvature = before - 2 * at + after  # the peak lies between two lags
    return best + (0.5 * (before - after) / curvature if curvature < 0 else 0.0)


def _track(onsets: Curve, period: float) -> list[int]:
    """Return the places of the beats: strong onsets at even distances (Ellis, equations 3 to 5)."""
    gaps = np.arange(round(period / 2), round(2 * period) + 1)
    costs = -TIGHTNESS * np.log(gaps / period) ** 2
    scores, before = onsets.copy(), np.full(len(onsets), -1)
    for place in range(int(gaps[0]), len(onsets)):
        reach = gaps[gaps <= place]
        candidates = scores[place - reach] + costs[: len(reach)]
        best = int(candidates.argmax())
        if candidates[best] > 0:
            scores[place] += candidates[best]
            before[place] = place - reach[best]
    last = len(onsets) - int(period)
    place, beats = last + int(scores[last:].argmax()), []
    while place >= 0:
        beats.append(place)
        place = int(before[place])
    return beats[::-1]
