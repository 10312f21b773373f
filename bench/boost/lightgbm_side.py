"""LightGBM on the same table with the same settings; prints one line of JSON."""

import json
import sys
import time
from pathlib import Path

import lightgbm as lgb
import numpy as np

COLUMNS, SHAP_ROWS = 50, 5_000


def read(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray]:
    y = np.fromfile(folder / f"{name}_y.f32", np.float32)
    x = np.fromfile(folder / f"{name}_x.f32", np.float32).reshape(COLUMNS, len(y)).T
    return np.ascontiguousarray(x), y


def auroc(p: np.ndarray, y: np.ndarray) -> float:
    order = np.argsort(p, kind="stable")
    ranks = np.empty(len(p))
    _, inverse, counts = np.unique(p[order], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks[order] = (ends - (counts - 1) / 2)[inverse]
    n1 = y.sum()
    return float((ranks[y == 1].sum() - n1 * (n1 + 1) / 2) / (n1 * (len(y) - n1)))


def main() -> None:
    folder, trees, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    x, y = read(folder, "train")
    x_test, y_test = read(folder, "test")
    params = dict(objective="binary", num_leaves=63, learning_rate=0.1, max_bin=255, num_threads=threads, verbose=-1, seed=1)
    (at, cpu) = (time.perf_counter(), time.process_time())
    data = lgb.Dataset(x, y, params=params, free_raw_data=False)
    model = lgb.train(params, data, trees)
    (fit_s, fit_cpu_s) = (time.perf_counter() - at, time.process_time() - cpu)
    at = time.perf_counter()
    p = model.predict(x_test, num_threads=threads)
    predict_s = time.perf_counter() - at
    few = x_test[:SHAP_ROWS]
    (at, cpu) = (time.perf_counter(), time.process_time())
    parts = model.predict(few, pred_contrib=True, num_threads=threads)
    (shap_s, shap_cpu_s) = (time.perf_counter() - at, time.process_time() - cpu)
    gap = np.abs(parts.sum(axis=1) - model.predict(few, raw_score=True)).max()
    p = np.clip(p, 1e-15, 1 - 1e-15)
    loss = -np.mean(np.where(y_test == 1, np.log(p), np.log(1 - p)))
    print(json.dumps(dict(
        side=f"LightGBM {lgb.__version__}", fit_s=fit_s, fit_cpu_s=fit_cpu_s, auroc=auroc(p, y_test), log_loss=float(loss),
        predict_rows_per_s=len(y_test) / predict_s, shap_rows_per_s=SHAP_ROWS / shap_s, shap_cpu_s=shap_cpu_s, additivity=float(gap),
    )), flush=True)


main()
