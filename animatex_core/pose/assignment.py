"""The assignment problem: pair rows with columns so that all pairs together cost as little as possible."""

import numpy as np


def assign(costs: np.ndarray) -> dict[int, int]:
    """Pair as many rows with columns as possible and, among these ways, at the lowest total cost.

    The Hungarian method (Kuhn 1955) by shortest augmenting paths (Jonker and Volgenant 1987).

    Args:
        costs: (rows, columns), 0 or more; infinity forbids a pair.

    Returns:
        The column of each row that has one.

    """
    allowed = np.isfinite(costs)
    # The time grows with the cube of the side, so that rows and columns without any pair are left out.
    rows, columns = np.flatnonzero(allowed.any(axis=1)), np.flatnonzero(allowed.any(axis=0))
    pairs = _assign_all(costs[np.ix_(rows, columns)])
    return {int(rows[row]): int(columns[column]) for row, column in pairs.items()}


def _assign_all(costs: np.ndarray) -> dict[int, int]:
    rows, columns = costs.shape
    if not costs.size:
        return {}
    allowed = np.isfinite(costs)
    # More than all allowed pairs together, so that a forbidden one is taken only if there is no other.
    forbidden = costs[allowed].sum() + 1
    side = max(rows, columns)
    square = np.full((side, side), forbidden)
    square[:rows, :columns] = np.where(allowed, costs, forbidden)
    paired = _solve(square)
    return {row: paired[row] for row in range(rows) if paired[row] < columns and allowed[row, paired[row]]}


def _solve(costs: np.ndarray) -> list[int]:
    """Return the column of each row of a square matrix."""
    side = len(costs)
    row_potentials, column_potentials = np.zeros(side), np.zeros(side + 1)
    row_of = np.full(side + 1, -1)  # by column; the last column is the one a path starts from
    for row in range(side):
        row_of[side] = row
        _augment(costs, row_of, row_potentials, column_potentials)
    column_of = np.empty(side, int)
    column_of[row_of[:side]] = np.arange(side)
    return column_of.tolist()


def _augment(costs: np.ndarray, row_of: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> None:
    """Pair the row in the last place of `row_of` by the cheapest path; changes all but the costs."""
    side = len(costs)
    lengths, previous = np.full(side, np.inf), np.full(side, side)
    visited, column = np.zeros(side + 1, bool), side
    while row_of[column] >= 0:
        visited[column] = True
        reduced = costs[row_of[column]] - rows[row_of[column]] - columns[:side]
        better = ~visited[:side] & (reduced < lengths)
        lengths[better], previous[better] = reduced[better], column
        open_lengths = np.where(visited[:side], np.inf, lengths)
        nearest = int(open_lengths.argmin())
        step = open_lengths[nearest]
        rows[row_of[visited]] += step
        columns[visited] -= step
        lengths[~visited[:side]] -= step
        column = nearest
    while column != side:
        row_of[column] = row_of[previous[column]]
        column = int(previous[column])
