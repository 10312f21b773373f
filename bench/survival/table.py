"""One row of a Markdown table: a model's fit beside lifelines'."""
import json
import sys

model, rows, covariates, folder = sys.argv[1:]
ours = json.load(open(f"{folder}/ours.json"))
lines = open(f"{folder}/peer.json").read().strip()
fit = ours["fit"]
result = f"median {fit['extra']['median']:g}" if model == "kaplan_meier" else f"log-likelihood {fit['log_likelihood']:.4f}"
row = f"| {model} | {int(rows):,} × {covariates} | {ours['seconds']:.3f} | {result} |"
if lines:
    peer = json.loads(lines)
    result = f"median {peer['median']:g}" if model == "kaplan_meier" else f"log-likelihood {peer['log_likelihood']:.4f}"
    row += f" {peer['seconds']:.3f} | {peer['cpu_seconds']:.3f} | {result} | {peer['seconds'] / ours['seconds']:.1f} |"
else:
    row += " | | not run | |"
print(row)
