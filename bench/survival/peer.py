"""The same fits with lifelines. One JSON line."""
import json
import statistics
import sys
import time
import warnings

import pandas as pd
from lifelines import CoxPHFitter, KaplanMeierFitter, LogLogisticAFTFitter, LogNormalAFTFitter, WeibullAFTFitter

warnings.simplefilter("ignore")
model, file, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
data = pd.read_csv(file)


def kaplan_meier():
    return KaplanMeierFitter().fit(data["duration"], data["event"])


def cox():
    return CoxPHFitter().fit(data, "duration", "event")


def aft():
    """All three laws, the best by AIC, as ours does."""
    fits = [fitter().fit(data, "duration", "event") for fitter in (WeibullAFTFitter, LogNormalAFTFitter, LogLogisticAFTFitter)]
    return min(fits, key=lambda fit: fit.AIC_)


wall, cpu = [], []
for _ in range(runs):
    start, start_cpu = time.perf_counter(), time.process_time()
    fit = globals()[model]()
    wall.append(time.perf_counter() - start)
    cpu.append(time.process_time() - start_cpu)
likelihood = None if model == "kaplan_meier" else float(fit.log_likelihood_)
median = float(fit.median_survival_time_) if model == "kaplan_meier" else None
print(json.dumps({"seconds": statistics.median(wall), "cpu_seconds": statistics.median(cpu), "log_likelihood": likelihood, "median": median}))
