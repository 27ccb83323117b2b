import pytest
import torch

from tests.animate_x_plus.samples import drawn, networks


@pytest.mark.parametrize("frames", [1, 25, 29, 33, 57, 81])
def test_a_long_video_in_chunks_gives_the_same_result(frames: int) -> None:
    encoder, video = networks("simple").dwpose_embedding, drawn(1, 3, frames, 16, 32).sigmoid()
    whole = encoder(video)
    with torch.no_grad():
        parts = encoder(video)
    assert whole.shape == (1, 96, (frames + 3) // 4, 1, 2)
    torch.testing.assert_close(parts, whole, atol=1e-5, rtol=0)


def test_a_frame_affects_only_seven_frames_around_it() -> None:
    encoder, video = networks("simple").dwpose_embedding, drawn(1, 3, 81, 16, 16).sigmoid()
    changed = video.clone()
    changed[:, :, 40] = 0
    with torch.no_grad():
        moved = (encoder(changed) - encoder(video)).abs().amax(dim=(0, 1, 3, 4)) > 0
    assert moved.nonzero().flatten().tolist() == [9, 10, 11, 12]
