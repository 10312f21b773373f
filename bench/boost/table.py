"""A Markdown table of medians from the two sides' lines on standard input."""

import json
import statistics
import sys

ROWS = [  # key, words, format, whether more is better (None: no ratio)
    ("fit_s", "fit with binning, s", ".1f", False),
    ("fit_cpu_s", "fit with binning, CPU s", ".1f", False),
    ("auroc", "AUROC, 100,000 other rows", ".5f", None),
    ("log_loss", "log loss", ".5f", None),
    ("predict_rows_per_s", "prediction, rows/s", ",.0f", True),
    ("shap_rows_per_s", "contributions (TreeSHAP), rows/s", ",.0f", True),
    ("shap_cpu_s", "contributions of 5,000 rows, CPU s", ".2f", False),
    ("additivity", "largest gap of bias + contributions to the margin", ".1e", None),
]


def main() -> None:
    sides: dict[str, list[dict]] = {}
    for line in sys.stdin:
        result = json.loads(line)
        sides.setdefault(result["side"], []).append(result)
    (our_name, ours), (peer_name, peers) = sides.items()
    print(f"| median of {len(ours)} | {our_name} | {peer_name} | ours ÷ theirs |\n|---|---:|---:|---:|")
    for key, words, form, is_speed in ROWS:
        our, peer = (statistics.median(result[key] for result in side) for side in (ours, peers))
        ratio = "" if is_speed is None else f"{our / peer:.2f}"
        print(f"| {words} | {our:{form}} | {peer:{form}} | {ratio} |")


main()
