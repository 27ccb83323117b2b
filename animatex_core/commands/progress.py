"""Progress bars whose total is told while they run."""

from tqdm import tqdm


class Bar(tqdm):
    """A bar fed by callbacks of (done, total)."""

    def report(self, done: int, total: int) -> None:
        """Show that `done` of `total` are done."""
        self.total = total
        self.update(done - self.n)


def byte_bar(name: str) -> Bar:
    """A bar that counts bytes."""
    return Bar(desc=name, unit="B", unit_scale=True)


class Bars:
    """A bar for each stage of a long work, one after the other; to be used as a context."""

    def __init__(self) -> None:
        self._bars: dict[str, Bar] = {}

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *_: object) -> None:
        for bar in self._bars.values():
            bar.close()

    def report(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` of a stage are done."""
        if stage not in self._bars:
            self._bars[stage] = Bar(desc=stage, unit="")
        self._bars[stage].report(done, total)
