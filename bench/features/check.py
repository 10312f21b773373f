"""Do several printouts of column sums agree? `check.py OURS OTHER…`; sums of floats may differ in the order of addition."""
import sys


def read(path):
    return {name: (int(rows), float(total)) for name, rows, total in (line.split() for line in open(path))}


ours, *others = sys.argv[1:]
expected = read(ours)
for other in others:
    found = read(other)
    if found.keys() != expected.keys():
        sys.exit(f"{other} has other columns: {sorted(found.keys() ^ expected.keys())}")
    for name, (rows, total) in expected.items():
        if found[name][0] != rows or abs(found[name][1] - total) > 1e-9 * abs(total) + 1e-3:
            sys.exit(f"{other}: {name} is {found[name]}, ours is {(rows, total)}")
