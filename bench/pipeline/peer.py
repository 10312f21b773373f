"""The main job as a data scientist would write it: pandas, lifetimes, scikit-learn. `peer.py FOLDER OUT`.

Reads the simulated shop's CSV files, cleans them, computes features at several cut-offs, fits churn, value and segments with
splits by time, judges them on the last closed window, scores every customer, and writes scores.parquet and report.html.
"""
import json
import os
import sys
import warnings

import numpy as np
import pandas as pd
from lifetimes import BetaGeoFitter, GammaGammaFitter
from sklearn.cluster import KMeans
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score, silhouette_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("ignore")
HORIZON, LOOK_BACK, CUTS, SEED = 90, 365, 4, 1
WINDOWS = (30, 90, 180, 365)


def read(folder):
    """Lines of orders and returns with the calendar day they belong to, cleaned of what cannot be right."""
    items = pd.read_csv(os.path.join(folder, "order_items.csv"), dtype={"customer_id": "str", "order_id": "str", "product_id": "str"})
    items["day"] = pd.to_datetime(items["ordered_at"], format="ISO8601", errors="coerce").dt.tz_localize(None).dt.normalize()
    items = items.drop_duplicates(["order_id", "line_no"])
    items = items[items["day"].notna() & (items["quantity"] > 0) & (items["unit_price_cents"] >= 0)]
    returns = pd.read_csv(os.path.join(folder, "returns.csv"), dtype={"customer_id": "str"}).drop_duplicates("return_id")
    returns["day"] = pd.to_datetime(returns["returned_at"], format="ISO8601", errors="coerce").dt.tz_localize(None).dt.normalize()
    products = pd.read_csv(os.path.join(folder, "products.csv"), usecols=["product_id", "category"])
    customers = pd.read_csv(os.path.join(folder, "customers.csv"), usecols=["customer_id", "created_at", "country", "birth_year", "gender"])
    items = items.merge(products, on="product_id", how="left")
    return items, returns, customers


def quality(items, returns):
    net = int(items["total_cents"].sum() - returns["amount_cents"].sum())
    tables = {name: frame.describe(include="all").to_html() for name, frame in (("order_items", items), ("returns", returns))}
    return {"net_revenue_cents": net, "rows": {"order_items": len(items), "returns": len(returns)}}, tables


def features(items, returns, as_of):
    """One row per customer with an order before `as_of`."""
    past = items[(items["day"] < as_of) & items["customer_id"].notna()]
    age = (as_of - past["day"]).dt.days
    by = past.groupby("customer_id", sort=True)
    table = by.agg(
        first=("day", "min"), last=("day", "max"), order_count=("order_id", "nunique"), spend_cents=("total_cents", "sum"),
        line_count=("line_no", "size"), quantity=("quantity", "sum"), discount_cents=("discount_cents", "sum"),
        product_count=("product_id", "nunique"), category_count=("category", "nunique"), price_mean=("unit_price_cents", "mean"),
    )
    table["days_since_last_order"] = (as_of - table.pop("last")).dt.days
    table["tenure_days"] = (as_of - table.pop("first")).dt.days
    for days in WINDOWS:
        recent = past[age <= days].groupby("customer_id")
        table[f"orders_{days}d"] = recent["order_id"].nunique()
        table[f"spend_cents_{days}d"] = recent["total_cents"].sum()
    occasions = past[["customer_id", "day"]].drop_duplicates().sort_values(["customer_id", "day"])
    gaps = occasions.groupby("customer_id")["day"].diff().dt.days
    gaps = gaps.groupby(occasions["customer_id"]).agg(["mean", "std", "max"])
    table[["gap_days_mean", "gap_days_std", "gap_days_max"]] = gaps
    shares = past.pivot_table(index="customer_id", columns="category", values="total_cents", aggfunc="sum", fill_value=0)
    table = table.join(shares.div(shares.sum(axis=1).clip(lower=1), axis=0).add_prefix("share_"))
    back = returns[(returns["day"] < as_of) & returns["customer_id"].notna()].groupby("customer_id")
    table["return_count"], table["return_cents"] = back.size(), back["amount_cents"].sum()
    counts = occasions.groupby("customer_id").size()
    table["x"] = counts - 1
    table["t_x"] = table["tenure_days"] - table["days_since_last_order"]
    table["T"] = table["tenure_days"]
    zero = [column for column in table.columns if column.startswith(("orders_", "spend_", "return_"))]
    return table.assign(**{column: table[column].fillna(0) for column in zero})


def labels(items, returns, as_of, index):
    end = as_of + pd.Timedelta(days=HORIZON)
    future = items[(items["day"] >= as_of) & (items["day"] < end)].groupby("customer_id")
    back = returns[(returns["day"] >= as_of) & (returns["day"] < end)].groupby("customer_id")["amount_cents"].sum()
    orders = future["order_id"].nunique().reindex(index, fill_value=0)
    spend = future["total_cents"].sum().reindex(index, fill_value=0) - back.reindex(index, fill_value=0)
    return orders.to_numpy(), spend.to_numpy()


def lifetime(train, tables):
    """BG/NBD and Gamma-Gamma on the training cut; their expectations become columns of every cut."""
    bgnbd = BetaGeoFitter().fit(train["x"], train["t_x"], train["T"])
    repeat = train[(train["x"] > 0) & (train["spend_cents"] > 0)]
    gamma_gamma = GammaGammaFitter(penalizer_coef=0.001).fit(repeat["x"], repeat["spend_cents"] / repeat["order_count"] / 100)
    for table in tables:
        table["orders_expected"] = bgnbd.conditional_expected_number_of_purchases_up_to_time(HORIZON, table["x"], table["t_x"], table["T"])
        average = (table["spend_cents"] / table["order_count"] / 100).clip(lower=0.01)
        table["spend_expected"] = gamma_gamma.conditional_expected_average_profit(table["x"], average) * table["orders_expected"]


def ece(label, probability, bins=15):
    order = np.argsort(probability)
    return sum(len(part) / len(label) * abs(label[part].mean() - probability[part].mean()) for part in np.array_split(order, bins))


def churn(train, test):
    (x, y), (x_test, y_test) = train, test
    few = ["days_since_last_order", "spend_cents", "order_count"]
    candidates = {
        "logistic_rfm": (few, make_pipeline(StandardScaler(), LogisticRegression())),
        "logistic_elastic_net": (list(x.columns), make_pipeline(StandardScaler(), LogisticRegression(l1_ratio=0.5, solver="saga", C=0.1, max_iter=60))),
        "boosting": (list(x.columns), HistGradientBoostingClassifier(max_iter=200, learning_rate=0.06, max_leaf_nodes=31, random_state=SEED)),
    }
    fitted, metrics = {}, {}
    for name, (columns, model) in candidates.items():
        model.fit(x[columns].fillna(0), y)
        p = model.predict_proba(x_test[columns].fillna(0))[:, 1]
        metrics[name] = {
            "auroc": roc_auc_score(y_test, p), "pr_auc": average_precision_score(y_test, p), "log_loss": log_loss(y_test, p),
            "brier": brier_score_loss(y_test, p), "ece": ece(y_test, p),
        }
        fitted[name] = (columns, model)
    best = max(metrics, key=lambda name: metrics[name]["auroc"])
    return fitted[best], metrics


def value(train, test):
    """Mean and the ends of an 80% interval."""
    (x, y), (x_test, y_test) = train, test
    shape = dict(max_iter=120, learning_rate=0.06, max_leaf_nodes=31, random_state=SEED)
    models = {"mean": HistGradientBoostingRegressor(**shape)}
    for name, quantile in (("lo80", 0.1), ("hi80", 0.9)):
        models[name] = HistGradientBoostingRegressor(loss="quantile", quantile=quantile, **shape)
    for model in models.values():
        model.fit(x.fillna(0), y)
    guess = {name: model.predict(x_test.fillna(0)) for name, model in models.items()}
    inside = (y_test >= guess["lo80"]) & (y_test <= guess["hi80"])
    return models, {"mae": np.abs(guess["mean"] - y_test).mean(), "total_ratio": guess["mean"].sum() / y_test.sum(), "coverage": inside.mean()}


def segments(table):
    columns = ["days_since_last_order", "order_count", "spend_cents"]
    ranks = table[columns].rank(pct=True)
    rfm = (np.ceil(ranks * 5).clip(1, 5)).astype(int)
    x = StandardScaler().fit_transform(np.log1p(table[columns].clip(lower=0)))
    sample = np.random.default_rng(SEED).choice(len(x), min(5_000, len(x)), replace=False)
    fits = {k: KMeans(k, n_init=4, random_state=SEED).fit(x) for k in range(3, 9)}
    best = max(fits, key=lambda k: silhouette_score(x[sample], fits[k].labels_[sample]))
    return fits[best].labels_, rfm.astype(str).agg("".join, axis=1)


def main():
    folder, out = sys.argv[1:]
    items, returns, customers = read(folder)
    facts, profiles = quality(items, returns)
    end = items["day"].max() + pd.Timedelta(days=1)
    # Three cut-offs to learn from, the last closed window to judge on, and today to score.
    cuts = [end - pd.Timedelta(days=HORIZON * number) for number in range(CUTS, -1, -1)]
    tables = [features(items, returns, cut) for cut in cuts]
    lifetime(tables[CUTS - 2], tables)
    columns = sorted(set.intersection(*(set(table.columns) for table in tables)))
    rows = []
    for cut, table in zip(cuts[:-1], tables[:-1]):
        orders, spend = labels(items, returns, cut, table.index)
        active = (table["days_since_last_order"] <= LOOK_BACK).to_numpy()
        rows.append((table.loc[active, columns], (orders[active] == 0).astype(int), spend[active]))
    x = pd.concat([part[0] for part in rows[:-1]])
    left, spend = (np.concatenate([part[n] for part in rows[:-1]]) for n in (1, 2))
    x_test, left_test, spend_test = rows[-1]
    (chosen, churn_model), churn_metrics = churn((x, left), (x_test, left_test))
    value_models, value_metrics = value((x, spend), (x_test, spend_test))
    today = tables[-1]
    cluster, rfm = segments(today)
    scores = pd.DataFrame({"customer_id": today.index, "p_churn": churn_model.predict_proba(today[chosen].fillna(0))[:, 1]})
    for name, model in value_models.items():
        scores[f"spend_cents_{name}"] = model.predict(today[columns].fillna(0))
    scores["segment"], scores["rfm"] = cluster, rfm.to_numpy()
    scores = scores.merge(customers, on="customer_id", how="left")
    os.makedirs(out, exist_ok=True)
    scores.to_parquet(os.path.join(out, "scores.parquet"))
    at_risk = scores.assign(at_stake=scores["p_churn"] * scores["spend_cents_mean"]).nlargest(50, "at_stake")
    parts = [pd.DataFrame(churn_metrics).T.to_html(), pd.Series(value_metrics).to_frame("value").to_html(), *profiles.values(),
             scores.groupby("segment")[["p_churn", "spend_cents_mean"]].mean().to_html(), at_risk.to_html()]
    with open(os.path.join(out, "report.html"), "w") as report:
        report.write("<!doctype html><meta charset=utf-8><h1>Customers</h1>" + "".join(parts))
    with open(os.path.join(out, "metrics.json"), "w") as file:
        json.dump({"facts": facts, "churn": churn_metrics, "value": {k: float(v) for k, v in value_metrics.items()}, "scored": len(scores)}, file, indent=1)


main()
