"""Feature tables at rolling cut-offs, our answers, the peers' answers, and a table of all of them.

Usage: peer.py DATA FOLDER CHURN_WINDOWS. For every shop and every test day: learn from the cut-offs whose 60 days closed by then.
"""

import os
import subprocess
import sys
import warnings

import lightgbm
import numpy as np
import pandas as pd
from lifetimes import ParetoNBDFitter
from scipy.special import expit
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

warnings.filterwarnings("ignore")
HORIZON, STEP, FIRST = 60, 30, 90  # days: label window, between cut-offs, from the first order to the first cut-off
TESTS = 3
OURS = ["stack_churn", "boost_churn", "logistic", "logistic_rfm", "bgnbd"]
RESERVED = ["customer_id", "as_of", "label_churn"]
# As the catalogue leaves them out of boosting: at the next cut-off they lie outside what was seen.
AGE = ["t", "t_x"]
LIGHTGBM = dict(
    objective="binary", num_leaves=12, learning_rate=0.03, min_data_in_leaf=100, feature_fraction=0.4, bagging_fraction=0.5,
    bagging_freq=1, lambda_l2=1.0, num_threads=1, seed=1, verbose=-1,
)


def online_retail(data):
    lines = pd.read_csv(f"{data}/online_retail/online_retail.csv.gz", dtype={"InvoiceNo": "str", "CustomerID": "str"})
    lines = lines[lines["CustomerID"].notna() & ~lines["InvoiceNo"].str.startswith("C") & (lines["Quantity"] > 0)]
    return pd.DataFrame({
        "customer_id": lines["CustomerID"], "on": pd.to_datetime(lines["InvoiceDate"]).dt.normalize(),
        "cents": (lines["Quantity"] * lines["UnitPrice"] * 100).round(), "units": lines["Quantity"],
    })


def completejourney(data):
    lines = pd.read_csv(f"{data}/completejourney/transactions_sample.csv.gz")
    return pd.DataFrame({
        "customer_id": lines["household_id"].astype(str), "on": pd.to_datetime(lines["transaction_timestamp"]).dt.normalize(),
        "cents": (lines["sales_value"] * 100).round(), "units": lines["quantity"],
    })


def simulated(folder):
    lines = pd.read_csv(f"{folder}/simulated/order_items.csv", dtype={"customer_id": "str"})
    lines = lines[lines["customer_id"].notna()]
    on = pd.to_datetime(lines["ordered_at"], format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None).dt.normalize()
    return pd.DataFrame({"customer_id": lines["customer_id"], "on": on, "cents": lines["total_cents"], "units": lines["quantity"]}).dropna()


def table(days, cut):
    """Features of everybody with an order before `cut`, and whether none comes in the horizon after it."""
    past = days[days["on"] < cut]
    by = past.groupby("customer_id", sort=True)
    t = by.agg(first=("on", "min"), last=("on", "max"), orders_all=("on", "size"), spend_cents_all=("cents", "sum"),
               order_cents_max=("cents", "max"), order_cents_first=("cents", "first"), order_cents_last=("cents", "last"),
               units_all=("units", "sum"), order_lines_all=("lines", "sum"))
    first, last = t.pop("first"), t.pop("last")
    t["x"], t["t_x"], t["t"] = t["orders_all"] - 1, (last - first).dt.days, (cut - first).dt.days
    t["days_since_last_order"] = (cut - last).dt.days
    for window in (30, 90, 180, 365):
        recent = past[past["on"] >= cut - pd.Timedelta(days=window)].groupby("customer_id")
        t[f"orders_{window}d"] = recent.size().reindex(t.index, fill_value=0)
        t[f"spend_cents_{window}d"] = recent["cents"].sum().reindex(t.index, fill_value=0)
    t["orders_per_30d"] = t["orders_all"] * 30 / t["t"]
    t["order_cents_mean"] = t["spend_cents_all"] / t["orders_all"]
    t["repeat_spend_cents_mean"] = (t["spend_cents_all"] - t["order_cents_first"]) / t["x"].where(t["x"] > 0)
    gaps = past.assign(gap=by["on"].diff().dt.days).groupby("customer_id")["gap"]
    t["gap_days_mean"], t["gap_days_last"], t["gap_days_max"], t["gap_days_std"] = gaps.mean(), gaps.last(), gaps.max(), gaps.std()
    t["gap_overdue_ratio"] = t["days_since_last_order"] / t["gap_days_mean"]
    after = days[(days["on"] >= cut) & (days["on"] < cut + pd.Timedelta(days=HORIZON))]
    t["label_churn"] = (~t.index.isin(after["customer_id"])).astype(int)
    t["as_of"] = cut.date().isoformat()
    return t.reset_index()


def gradient_boosting(train, test):
    columns = [name for name in train.columns if name not in RESERVED + AGE]
    model = lightgbm.train(LIGHTGBM, lightgbm.Dataset(train[columns], train["label_churn"]), min(300, max(30, len(train) // 100)))
    return expit(model.predict(test[columns], raw_score=True))


def pareto_nbd(train, test):
    """Silence from T to T + H after x orders until t_x has the likelihood of (x, t_x, T + H) over that of (x, t_x, T)."""
    last = train[train["as_of"] == train["as_of"].max()]
    model = ParetoNBDFitter(penalizer_coef=0.0)
    model.fit(last["x"], last["t_x"], last["t"])
    params = list(model.params_)
    ln = lambda age: model._conditional_log_likelihood(params, test["x"].to_numpy(), test["t_x"].to_numpy(), age)
    return np.exp(ln(test["t"].to_numpy() + HORIZON) - ln(test["t"].to_numpy()))


def ece(label, p, bins=15):
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return sum(len(part) / len(label) * abs(label[part].mean() - p[part].mean()) for part in parts)


def main():
    data, folder, binary = sys.argv[1:]
    shops = {"Online Retail": online_retail(data), "completejourney": completejourney(data), "simulated": simulated(folder)}
    print("| shop | model | windows | AUROC | Brier | log loss | ECE(15) | buyers, predicted / actual |\n|---|---|---:|---:|---:|---:|---:|---:|")
    for shop, lines in shops.items():
        days = lines.groupby(["customer_id", "on"], sort=True).agg(cents=("cents", "sum"), units=("units", "sum"), lines=("cents", "size")).reset_index()
        end = days["on"].max() + pd.Timedelta(days=1)
        # Cut-offs back from the last one whose window has closed.
        count = ((end - days["on"].min()).days - HORIZON - FIRST) // STEP
        cuts = [end - pd.Timedelta(days=HORIZON + STEP * back) for back in range(count, -1, -1)]
        tables = [table(days, cut) for cut in cuts]
        reached = {}
        for at in range(len(cuts) - TESTS, len(cuts)):
            known = [t for cut, t in zip(cuts, tables) if cut + pd.Timedelta(days=HORIZON) <= cuts[at]]
            train, test = pd.concat(known), tables[at]
            train.to_csv(f"{folder}/train.csv", index=False)
            test.to_csv(f"{folder}/test.csv", index=False)
            subprocess.run([binary, folder, str(HORIZON), *OURS], check=True)
            ours = pd.read_csv(f"{folder}/ours.csv")
            answers = {name: ours[name].to_numpy() for name in OURS}
            answers["LightGBM"] = gradient_boosting(train, test)
            try:
                answers["Pareto/NBD (lifetimes)"] = pareto_nbd(train, test)
            except Exception as error:
                print(f"{shop}: Pareto/NBD: {error}", file=sys.stderr)
            label = test["label_churn"].to_numpy()
            for name, p in answers.items():
                if np.isfinite(p).all():
                    p = np.clip(p, 1e-9, 1 - 1e-9)
                    row = [roc_auc_score(label, p), brier_score_loss(label, p), log_loss(label, p), ece(label, p), (1 - p).sum() / (1 - label).sum()]
                    reached.setdefault(name, []).append(row)
        for name, rows in reached.items():
            auroc, brier, loss, error, total = np.mean(rows, axis=0)
            print(f"| {shop} | {name} | {len(rows)} | {auroc:.4f} | {brier:.4f} | {loss:.4f} | {error:.4f} | {total:.3f} |", flush=True)


main()
