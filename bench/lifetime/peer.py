"""The same fits with lifetimes: on the rows as they are, and on distinct rows with weights. One JSON line each."""
import json
import statistics
import sys
import time
import warnings

import numpy as np
import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, ParetoNBDFitter

warnings.simplefilter("ignore")
model, file, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
data = pd.read_csv(file)


def bgnbd(rows, weights=None):
    return BetaGeoFitter().fit(rows["x"], rows["t_x"], rows["T"], weights=weights)


def mbgnbd(rows, weights=None):
    return ModifiedBetaGeoFitter().fit(rows["x"], rows["t_x"], rows["T"], weights=weights)


def pareto_nbd(rows, weights=None):
    return ParetoNBDFitter().fit(rows["x"], rows["t_x"], rows["T"], weights=weights)


def gamma_gamma(rows, weights=None):
    return GammaGammaFitter().fit(rows["x"], rows["mean_spend"], weights=weights)


def distinct():
    rows = data.groupby(list(data.columns), as_index=False).size()
    return globals()[model](rows, rows["size"])


def log_likelihood(fit):
    """In the units of the file: lifetimes scales time while it fits, and keeps only a mean."""
    columns = [data[column].to_numpy(float) for column in data.columns]
    if model == "pareto_nbd":
        return float(fit._conditional_log_likelihood([fit.params_[letter] for letter in ["r", "alpha", "s", "beta"]], *columns).sum())
    letters = ["p", "q", "v"] if model == "gamma_gamma" else ["r", "alpha", "a", "b"]
    parameters = np.log([fit.params_[letter] for letter in letters])
    mean = type(fit)._negative_log_likelihood(parameters, *columns, np.ones(len(data)), 0.0)
    return -float(mean) * len(data)


for name, run in [("rows", lambda: globals()[model](data)), ("distinct rows, weighted", distinct)]:
    wall, cpu = [], []
    for _ in range(runs):
        start, start_cpu = time.perf_counter(), time.process_time()
        fit = run()
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - start_cpu)
    print(json.dumps({
        "name": name,
        "seconds": statistics.median(wall),
        "cpu_seconds": statistics.median(cpu),
        "parameters": dict(fit.params_),
        "log_likelihood": log_likelihood(fit),
    }), flush=True)
