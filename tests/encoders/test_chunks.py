import pytest
import torch

from animatex_core.encoders.base import batched_apply
from animatex_core.errors import InvalidInput, OutOfMemory

HALF = torch.zeros(1, dtype=torch.float16)


@pytest.mark.parametrize(
    ("frames", "size", "lengths"), [(5, 2, [2, 2, 1]), (4, 2, [2, 2]), (1, 8, [1]), (3, 3, [3])]
)
def test_the_chunks_are_small_and_the_result_whole(frames, size, lengths):
    seen = []

    def halve(chunk):
        seen.append(len(chunk))
        return chunk[..., ::2] / 2

    batch = torch.arange(frames * 4.0).view(frames, 4)
    assert torch.equal(batched_apply(halve, batch, size, like=HALF), batch[:, ::2] / 2)
    assert seen == lengths


def test_the_network_gets_its_dtype_and_the_caller_theirs():
    result = batched_apply(lambda chunk: chunk + 2**-20, torch.ones(3, 1), 2, like=HALF)
    assert torch.equal(result, torch.ones(3, 1))  # in single precision the sum would not be 1
    assert result.dtype == torch.float32


@pytest.mark.parametrize(("frames", "size"), [(0, 2), (2, 0), (2, -1)])
def test_empty_batches_and_sizes_are_rejected(frames, size):
    with pytest.raises(InvalidInput, match=f"{frames} frames in chunks of {size}"):
        batched_apply(torch.relu, torch.ones(frames, 1), size, like=HALF)


def test_out_of_memory_says_what_to_lower():
    batch = torch.zeros(2, 1)
    with pytest.raises(OutOfMemory, match="batch size"):
        batched_apply(lambda part: part.new_empty(10**14), batch, 1, like=batch)
