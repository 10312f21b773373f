"""Customers drawn from the BG/NBD and Gamma-Gamma models, ages in whole days: x,t_x,T and x,mean_spend."""
import sys

import numpy as np

ROWS, FOLDER = int(sys.argv[1]), sys.argv[2]
R, ALPHA, A, B = 0.2425945, 7 * 4.4136019, 0.7929199, 2.4258881  # CDNOW, in days
P, Q, V = 6.25, 3.74, 15.44

rng = np.random.default_rng(20050501)
rate = rng.gamma(R, 1 / ALPHA, ROWS)
dropout = rng.beta(A, B, ROWS)
age = rng.integers(180, 540, ROWS)
day = np.zeros(ROWS)  # of the last purchase, exact
x, t_x = np.zeros(ROWS, int), np.zeros(ROWS, int)
alive = np.arange(ROWS)
while alive.size:
    day[alive] += rng.exponential(1, alive.size) / np.maximum(rate[alive], 1e-300)
    alive = alive[day[alive] < age[alive]]
    # Orders of one calendar day are one occasion, as in a shop's order table.
    on = np.floor(day[alive]).astype(int)
    later = on > t_x[alive]
    x[alive[later]] += 1
    t_x[alive[later]] = on[later]
    alive = alive[rng.random(alive.size) >= dropout[alive]]
np.savetxt(f"{FOLDER}/bgnbd.csv", np.c_[x, t_x, age], "%d", ",", header="x,t_x,T", comments="")

spender = rng.gamma(Q, 1 / V, ROWS)
orders = np.maximum(x, 1)
mean = np.round(rng.gamma(P * orders) / spender / orders, 2)
np.savetxt(f"{FOLDER}/gamma_gamma.csv", np.c_[orders, np.maximum(mean, 0.01)], ["%d", "%.2f"], ",", header="x,mean_spend", comments="")
