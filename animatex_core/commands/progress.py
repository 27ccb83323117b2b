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
        self._stage: str | None = None
        self._bar: Bar | None = None

    def __enter__(self) -> "Bars":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def report(self, stage: str, done: int, total: int) -> None:
        """Show that `done` of `total` of a stage are done."""
        if self._bar is None or stage != self._stage:
            self.__exit__()
            self._stage, self._bar = stage, Bar(desc=stage)
        self._bar.report(done, total)
