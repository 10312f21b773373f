"""The same (x, t_x, T) from orders with lifetimes: median seconds and sums, one JSON line. Usage: triples.py FILE AS_OF [RUNS]."""
import json
import statistics
import sys
import time
import warnings

import pandas as pd
from lifetimes.utils import summary_data_from_transaction_data

warnings.simplefilter("ignore")
file, as_of, runs = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 5
orders = pd.read_csv(file, sep=r"\s+", usecols=[0, 1], names=["customer", "day"], skiprows=1, dtype=str)
orders["day"] = pd.to_datetime(orders["day"], format="%Y%m%d")
end, seconds = pd.to_datetime(as_of, format="%Y%m%d"), []
for _ in range(runs):
    start = time.perf_counter()
    found = summary_data_from_transaction_data(orders, "customer", "day", observation_period_end=end)
    seconds.append(time.perf_counter() - start)
print(json.dumps({
    "seconds": statistics.median(seconds),
    "orders": len(orders),
    "customers": len(found),
    **{name: float(found[column].sum()) for name, column in [("x", "frequency"), ("t_x", "recency"), ("T", "T")]},
}))
