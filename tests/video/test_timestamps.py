"""Frame rates from timestamps."""

import numpy as np
import pytest

from animatex_core.video.timestamps import find_rate, parse_packets

REGULAR = np.arange(100) / 24


def test_packets_are_read_in_the_order_of_showing() -> None:
    listing = "#tb 0: 1/600\n#media_type 0: video\n0, -25, 0, 25, 9, 0xab\n0, 0, 50, 25, 9, 0xab, F=0x0\n"
    packets = parse_packets(listing + "0, 25, 25, 25, 9, 0xab, F=0x0, S=1, 8\n")
    np.testing.assert_allclose(packets.times, np.array([0, 25, 50]) / 600)
    assert not packets.corrupt


@pytest.mark.parametrize(
    ("flags", "times", "corrupt"), [("0x5", 1, False), ("0x2", 1, True), ("0x1", 2, False)]
)
def test_packets_that_are_not_shown_do_not_count(flags: str, times: int, corrupt: bool) -> None:
    packets = parse_packets(f"#tb 0: 1/10\n0, 0, 0, 1, 9, 0xab\n0, 1, 1, 1, 9, 0xab, F={flags}\n")
    assert (len(packets.times), packets.corrupt) == (times, corrupt)


def test_without_times_of_showing_those_of_decoding_count() -> None:
    missing = np.iinfo(np.int64).min
    assert parse_packets(f"#tb 0: 1/10\n0, 3, {missing}, 1, 9, 0xab\n").times.tolist() == pytest.approx([0.3])


@pytest.mark.parametrize(
    ("times", "declared", "fps"),
    [
        (REGULAR, 24.0, 24.0),
        (REGULAR, None, 24.0),
        (REGULAR, 1000.0, 24.0),  # a file that promises nonsense
        (np.round(np.arange(100) / 29.97, 3), 29.97, 29.97),  # milliseconds
        (REGULAR + 7.5, 24.0, 24.0),
        (np.array([0.0]), 25.0, 25.0),
        (np.array([0.0]), None, 1.0),
        (np.array([0.0, 0.1]), 25.0, 10.0),
    ],
)
def test_constant_rates_are_known(times: np.ndarray, declared: float | None, fps: float) -> None:
    rate = find_rate(times, declared)
    assert rate.constant
    assert (rate.fps, rate.start) == (pytest.approx(fps, rel=1e-3), pytest.approx(times[0], abs=1e-3))


@pytest.mark.parametrize("at", [1, 99])
def test_the_outermost_frames_may_lie_apart(at: int) -> None:
    rate = find_rate(np.concatenate([REGULAR[:at], REGULAR[at:] + 1 / 24]), 24.0)
    assert (rate.constant, rate.fps) == (True, 24.0)
    assert rate.start == pytest.approx(1 / 24 if at == 1 else 0)


@pytest.mark.parametrize("pause", [0.1, 3.0])
def test_pauses_make_a_variable_rate_of_the_usual_interval(pause: float) -> None:
    times = np.concatenate([REGULAR, REGULAR[-1] + pause + REGULAR, [REGULAR[-1] * 2 + pause * 2]])
    rate = find_rate(np.round(times, 3), 24.0)
    assert not rate.constant
    assert rate.fps == pytest.approx(24, rel=1e-2)
