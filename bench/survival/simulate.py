"""Lives of a Weibull law with proportional hazards, whole days so that there are ties: duration,event and covariates x1, x2, …"""
import sys

import numpy as np

ROWS, COVARIATES, FOLDER = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
rng = np.random.default_rng(19720102)
x = np.round(rng.standard_normal((ROWS, COVARIATES)), 4)
beta = np.linspace(-0.5, 0.5, COVARIATES)
life = 400 * (rng.exponential(1, ROWS) * np.exp(-x @ beta)) ** (1 / 1.5)
watched = rng.uniform(30, 900, ROWS)
days = np.maximum(np.ceil(np.minimum(life, watched)), 1)
event = (life <= watched).astype(int)
names = ",".join(f"x{i + 1}" for i in range(COVARIATES))
np.savetxt(f"{FOLDER}/lives.csv", np.c_[days, event, x], ["%d", "%d"] + ["%.4f"] * COVARIATES, ",", header=f"duration,event,{names}", comments="")
