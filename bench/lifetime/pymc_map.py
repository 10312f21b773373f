"""BG/NBD by maximum a posteriori with pymc-marketing on a file of x, t_x, T, beside `perennial fit bgnbd --input FILE`.

Run: python -m venv V && V/bin/pip install -r bench/lifetime/pymc.txt && V/bin/python bench/lifetime/pymc_map.py FILE
The first fit compiles; the second is the one to compare. A MAP has no standard errors.
"""

import resource
import sys
import time

import pandas as pd
from pymc_marketing.clv import BetaGeoModel

rows = pd.read_csv(sys.argv[1]).rename(columns={"x": "frequency", "t_x": "recency"})
rows["customer_id"] = range(len(rows))
for turn in ("first", "second"):
    model = BetaGeoModel(data=rows)
    wall, cpu = time.time(), resource.getrusage(resource.RUSAGE_SELF).ru_utime
    model.fit(method="map", progressbar=False)
    cpu = resource.getrusage(resource.RUSAGE_SELF).ru_utime - cpu
    print(f"{turn}: {len(rows)} rows, {time.time() - wall:.2f} s, {cpu:.2f} CPU-s")
print(model.fit_summary())
