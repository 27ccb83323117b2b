"""Compute what many characters and dances cost, from counted operations and measured CPU seconds and bytes.

The constants are outputs of `benchmarks.operations` and `benchmarks.cpu_stages`. How much of a GPU's peak is
reached is an assumption; --seconds replaces it by your own seconds per video. docs/scale.md has the tables.

python -m benchmarks.scale [--characters 1000] [--dances 100] [--frames 32] [--steps 12] [--peak 989]
                           [--share 0.4] [--seconds S]
"""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from animatex_core.animate_x.presets import OFFICIAL_EVALUATIONS, STANDARD
from animatex_core.animate_x.windows import Windows

# TFLOP: python -m benchmarks.operations
PASS = 89.147  # of 32 frames of 512x768
CONDITIONS = 0.080  # of 32 frames
DECODED_FRAME = 3.798
CLIP_IMAGE = 0.335
# Milliseconds of one core: python -m benchmarks.cpu_stages
READ, DETECT, ESTIMATE = 50.11 + 3.49, 2041.58, 245.57  # a driving frame of 720x1280
DRAW, TO_BYTES, WRITE = 7.18, 2.23, (14.22, 78.53)  # a frame of a result; from a cartoon to noise
CLIP_RESIZE = 6.25
# Kilobytes per frame: python -m benchmarks.cpu_stages
MP4, PNG, DRIVING = (2.4, 71.9), (49.3, 558.6), 142.2
POSES = 50.3  # of 32 frames, as Ray sends them

WINDOW = Windows(32, 8)
CLIP_WIDTH, FLOAT = 1024, 4
CARDS = {"RTX 4090": 165, "A100": 312, "H100 SXM": 989}
"""Dense bf16 TFLOP/s with fp32 accumulation, from NVIDIA's data sheets."""

GPUS = 1, 8, 64
SETTINGS = {
    f"{STANDARD.steps} steps, the default": STANDARD.steps,
    f"{OFFICIAL_EVALUATIONS} steps, `official`": OFFICIAL_EVALUATIONS,
}
DAY, HOUR = 86400, 3600


@dataclass(frozen=True)
class Project:
    """What is to be made, and on what.

    Attributes:
        characters: How many.
        dances: How many.
        frames: Of each video, 512x768, every second one of the dance; 32 or more, in windows of 32.
        steps: Of sampling, with two passes each; the solver of the official code takes 31.
        peak: TFLOP/s of one GPU.
        share: Of the peak that is reached.
        seconds: Of the GPU per video; None computes them.

    """

    characters: int = 1000
    dances: int = 100
    frames: int = 32
    steps: int = STANDARD.steps
    peak: float = CARDS["H100 SXM"]
    share: float = 0.4
    seconds: float | None = None

    @property
    def videos(self) -> int:
        """How many videos are made."""
        return self.characters * self.dances

    @property
    def sampling(self) -> float:
        """TFLOP of one video: all steps of all windows, and the conditions of both passes."""
        return len(WINDOW.spans(self.frames)) * 2 * (self.steps * PASS + CONDITIONS)

    @property
    def operations(self) -> float:
        """TFLOP of one video: sampling, the image's CLIP features, and decoding."""
        return self.sampling + CLIP_IMAGE + self.frames * DECODED_FRAME

    @property
    def gpu_seconds(self) -> float:
        """Seconds of one GPU per video."""
        return self.operations / (self.peak * self.share) if self.seconds is None else self.seconds

    @property
    def cpu_seconds(self) -> tuple[float, float]:
        """Seconds of one core per video if poses are shared: for a cartoon, and for noise."""
        cartoon, noise = (self.frames * (DRAW + TO_BYTES + write) / 1000 for write in WRITE)
        return cartoon, noise

    @property
    def on_cards(self) -> dict[str, "Project"]:
        """The same on every card, unless the seconds of one are known."""
        if self.seconds is not None:
            return {"yours": self}
        return {name: replace(self, peak=peak) for name, peak in CARDS.items()}

    @property
    def pose_seconds(self) -> float:
        """Seconds of one core for reading a dance and detecting its poses."""
        return self.frames * (READ + DETECT + ESTIMATE) / 1000


Row = Sequence[str]


def table(header: Row, rows: Iterable[Row]) -> str:
    """Return a table in Markdown."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float) -> str:
    """Return a number with two digits, or as an integer if it has more."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def between(low: float, high: float) -> str:
    """Return a range."""
    return f"{number(low)} to {number(high)}"


def shared_table(project: Project) -> str:
    """How often each kind of work is done, and what it would cost for every video."""
    frames, videos = project.frames, project.videos
    character = (DETECT + ESTIMATE) / 1000
    high = project.cpu_seconds[1]
    work: list[tuple[str, int, float, float]] = [
        ("poses of a dance", project.dances, project.pose_seconds, 0),
        ("CLIP features of a dance", project.dances, frames * CLIP_RESIZE / 1000, frames * CLIP_IMAGE),
        ("pose of a character", project.characters, character, 0),
        ("sampling", videos, 0, project.sampling),
        ("decoding, and CLIP features of the image", videos, 0, project.operations - project.sampling),
        ("drawing poses, writing the mp4 (noise)", videos, high, 0),
    ]

    def row(name: str, times: int, cpu: float, gpu: float) -> Row:
        return [name, f"{times:,}", *(_cost(cpu * count, gpu * count) for count in (times, videos))]

    header = ["work", "times", "in all", "if it were done for every video"]
    return table(header, [row(*each) for each in work])


def _cost(seconds: float, operations: float) -> str:
    """Return what cores and GPUs do, from seconds and TFLOP."""
    of_cores = [f"{number(seconds / HOUR)} core hours"] if seconds else []
    return ", ".join([*of_cores, *([f"{number(operations / 1000)} PFLOP"] if operations else [])])


def gpus_table(project: Project) -> str:
    """How long it takes on some cards, for short and long videos."""
    rows = []
    for name, on_card in project.on_cards.items():
        for frames in (32, 96) if project.seconds is None else (project.frames,):
            made = replace(on_card, frames=frames)
            days = [made.videos * made.gpu_seconds / count / DAY for count in GPUS]
            rows.append([name, str(frames), f"{number(made.gpu_seconds)} s", *map(number, days)])
    header = ["card", "frames", "a video", *(f"days, {count} GPU{'s' * (count > 1)}" for count in GPUS)]
    return table(header, rows)


def cores_table(project: Project) -> str:
    """How many cores keep a GPU busy, and how busy one worker keeps it."""
    rows = []
    own = project.seconds is not None or project.steps != Project.steps
    for name, steps in [("yours", project.steps)] if own else SETTINGS.items():
        for card, on_card in replace(project, steps=steps).on_cards.items():
            gpu, (low, high) = on_card.gpu_seconds, on_card.cpu_seconds
            busy = f"{100 * gpu / (gpu + high):.0f} to {100 * gpu / (gpu + low):.0f} %"
            cells = [f"{number(gpu)} s", between(low / gpu, high / gpu)]
            rows.append([name, card, *cells, number((high + on_card.pose_seconds) / gpu), busy])
    header = ["sampling", "card", "GPU, a video", "cores a GPU", "with poses for every video", "GPU busy"]
    return table(header, rows)


def bytes_table(project: Project) -> str:
    """What is stored and sent."""
    frames, videos = project.frames, project.videos
    features = frames * CLIP_WIDTH * FLOAT / 1e6
    latents = frames * 4 * 96 * 64 * FLOAT / 1e6
    pictures = frames * 512 * 768 * 3 / 1e6
    dances = project.dances * 2 * frames * DRIVING / 1e6
    references = [project.characters * size / 1e6 for size in PNG]
    sent = [references[end] + dances for end in (0, 1)]
    rows = [
        ("dances, 720x1280", f"{number(dances)} GB"),
        ("characters, PNG of 512x768", f"{between(*references)} GB"),
        ("results, mp4", f"{between(*(videos * frames * size / 1e6 for size in MP4))} GB"),
        (
            "results, as PNG images",
            f"{between(*(videos * frames * s / 1e6 for s in PNG))} GB",
        ),
        ("uploaded to each ComfyUI server", f"{between(*sent)} GB"),
        ("poses of a dance, in Ray's object store", f"{number(frames / 32 * POSES / 1000)} MB"),
        ("CLIP features of a dance, in the worker", f"{number(features)} MB"),
        ("latents of a video, on the GPU", f"{number(latents)} MB"),
        ("decoded frames of a video, in the worker", f"{number(pictures)} MB"),
    ]
    return table(["what", "bytes"], rows)


def network_table(project: Project) -> str:
    """How fast results arrive at the storage."""
    rows = []
    for count in GPUS:
        rate = count / project.gpu_seconds
        speeds = [rate * project.frames * size / 1000 for size in MP4]
        rows.append([str(count), number(rate * 60), f"{between(*speeds)} MB/s"])
    return table(["GPUs", "videos a minute", "results"], rows)


TABLES = shared_table, gpus_table, cores_table, bytes_table, network_table


def main() -> None:
    """Compute and print every table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, kind in (("characters", int), ("dances", int), ("frames", int), ("steps", int)):
        parser.add_argument(f"--{name}", type=kind, default=getattr(Project, name))
    for name in ("peak", "share", "seconds"):
        parser.add_argument(f"--{name}", type=float, default=getattr(Project, name))
    project = Project(**vars(parser.parse_args()))
    print(
        f"{project.videos:,} videos, {number(project.operations)} TFLOP and {project.gpu_seconds:.1f} s each"
    )
    for make in TABLES:
        print(f"\n{make(project)}")


if __name__ == "__main__":
    main()
