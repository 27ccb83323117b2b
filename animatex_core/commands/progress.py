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
