"""One Markdown table of a model's fits."""
import json
import sys

model, rows, folder = sys.argv[1:]
ours = json.load(open(f"{folder}/ours.json"))
print(f"\n{model}, {int(rows):,} customers\n\n| fit | seconds | times ours | log-likelihood | relative to ours | parameters |\n|---|---|---|---|---|---|")
ll = ours["fit"]["log_likelihood"]
fits = [{"name": "perennial", "seconds": ours["seconds"], "log_likelihood": ll, "parameters": ours["fit"]["parameters"]}]
fits += [json.loads(line) | {} for line in open(f"{folder}/peer.json")]
for fit in fits:
    parameters = " ".join(f"{letter} {value:.6g}" for letter, value in fit["parameters"].items())
    name = fit["name"] if fit is fits[0] else f"lifetimes, {fit['name']}"
    gap = (fit["log_likelihood"] - ll) / abs(ll)
    print(f"| {name} | {fit['seconds']:.3f} | {fit['seconds'] / ours['seconds']:.1f} | {fit['log_likelihood']:.3f} | {gap:+.1e} | {parameters} |")
