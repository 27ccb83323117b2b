"""What `benchmarks.traffic` counts: bytes of kernels, of copies, and none of views."""

from pathlib import Path

import torch
import torch.nn.functional as F

from animatex_core.animate_x.shapes import ClipShape
from benchmarks.traffic import count_traffic, our_traffic

PAGE = (Path(__file__).parents[1] / "docs" / "fidelity-and-speed.md").read_text(encoding="utf-8")
NUMBER = torch.zeros(2, 8, device="meta")  # 64 bytes


def test_a_kernel_reads_its_inputs_and_writes_its_output() -> None:
    counter = count_traffic(lambda: NUMBER + NUMBER)
    assert (counter.kernels, counter.moved, counter.copied) == (1, 3 * 64, 0)


def test_work_in_place_writes_its_input() -> None:
    changed = NUMBER.clone()
    counter = count_traffic(lambda: changed.add_(NUMBER))
    assert (counter.kernels, counter.moved) == (1, 3 * 64)


def test_what_is_overwritten_is_not_read() -> None:
    target = NUMBER.clone()
    assert count_traffic(lambda: torch.add(NUMBER, NUMBER, out=target)).moved == 3 * 64
    assert count_traffic(lambda: target.copy_(NUMBER)).copied == 2 * 64


def test_attention_is_one_kernel_without_scores() -> None:
    query = torch.zeros(2, 4, 16, 8, device="meta")
    counter = count_traffic(lambda: F.scaled_dot_product_attention(query, query, query))
    assert (counter.kernels, counter.moved) == (1, 4 * 4096)


def test_group_normalization_copies_what_is_not_contiguous() -> None:
    images = torch.zeros(2, 4, 8, 8, device="meta")
    assert count_traffic(lambda: F.group_norm(images, 2)).copied == 0
    assert count_traffic(lambda: F.group_norm(images.transpose(2, 3), 2)).copied == 2 * 2048


def test_views_are_free_and_copies_are_named() -> None:
    assert count_traffic(lambda: NUMBER.view(16)[:4].reshape(2, 2)).kernels == 0
    counter = count_traffic(lambda: NUMBER.T.reshape(16))
    assert (counter.kernels, counter.moved, counter.copied) == (1, 2 * 64, 2 * 64)


def test_an_expanded_element_counts_once() -> None:
    counter = count_traffic(lambda: NUMBER[:1, :1].clone().expand(2, 8) * NUMBER)
    assert counter.moved == (4 + 4) + (4 + 64 + 64)


def test_the_page_has_the_numbers_of_the_script() -> None:
    counter = our_traffic(ClipShape(512, 768, 32), torch.bfloat16)
    assert f"| bytes read and written | {counter.moved / 1e9:.0f} GB |" in PAGE
    assert f"| of them by kernels that only copy | {counter.copied / 1e9:.1f} GB |" in PAGE
    assert f"| kernels that are launched | {counter.kernels:,} |" in PAGE
    assert f"| peak of the activations | {counter.peak / 2**30:.2f} GiB |" in PAGE


def test_outputs_with_memory_of_their_own_are_allocations() -> None:
    query, target = torch.empty(2, 4, 8, device="meta"), torch.empty_like(NUMBER)
    assert count_traffic(lambda: (NUMBER + NUMBER).view(16)).allocations == 1
    assert count_traffic(lambda: torch.add(NUMBER, NUMBER, out=target).mul_(2)).allocations == 0
    assert count_traffic(lambda: F.scaled_dot_product_attention(query, query, query)).allocations == 1
