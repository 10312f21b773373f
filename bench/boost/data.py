"""Writes the table both sides learn: columns as raw float32, one after another, and labels.

Skewed counts, amounts, codes and flags as a shop's features have them; 8% missing in 10 columns; a label that needs interactions.
"""

import sys
from pathlib import Path

import numpy as np

ROWS_TRAIN, ROWS_TEST, COLUMNS = 1_000_000, 100_000, 50


def table(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.empty((COLUMNS, rows), np.float32)
    for c in range(15):  # skewed counts
        x[c] = rng.negative_binomial(0.6 + 0.1 * c, 0.12, rows)
    for c in range(15, 30):  # amounts and ages
        x[c] = rng.lognormal(1.0 + 0.1 * (c - 15), 1.0, rows)
    for c in range(30, 40):  # codes
        x[c] = np.minimum(rng.geometric(0.08, rows), 60)
    for c in range(40, 45):  # flags
        x[c] = rng.random(rows) < 0.05 * (c - 38)
    for c in range(45, 50):  # shares
        x[c] = rng.beta(0.7, 2.0, rows)
    with np.errstate(all="ignore"):
        margin = (
            -0.9
            + 0.5 * np.log1p(x[0]) - 0.35 * np.log1p(x[1]) * (x[40] > 0)
            + 0.3 * np.log(x[15] / x[16]) - 0.4 * (x[17] > 8) * (x[2] < 2)
            + 0.6 * np.sin(x[30] * 1.3) + 0.3 * (x[31] % 7 == 3)
            + 1.1 * (x[45] - 0.25) * (x[18] > 4) + 0.15 * np.minimum(x[3], 5) * (x[46] > 0.3)
        )
    for c in range(5, 55, 5):
        gone = rng.random(rows) < 0.08
        x[c % COLUMNS][gone] = np.nan
        margin = margin + 0.2 * gone * (c % 10 == 0)
    y = (rng.random(rows) < 1.0 / (1.0 + np.exp(-margin))).astype(np.float32)
    return x, y


def main() -> None:
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    for name, rows in (("train", ROWS_TRAIN), ("test", ROWS_TEST)):
        x, y = table(rng, rows)
        x.tofile(folder / f"{name}_x.f32")
        y.tofile(folder / f"{name}_y.f32")


main()
