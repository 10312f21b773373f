"""The columns of the feature group `orders` by a peer: `peer.py duckdb|polars LAKE AS_OF`.

DuckDB runs the group's own SQL file; Polars the same written as expressions. Both read the lake's Parquet files, keep the result in
memory and print sums of its columns.
"""
import datetime
import pathlib
import sys

engine, lake, as_of = sys.argv[1:]
TABLES = ["orders", "order_items", "returns"]
files = {name: f"{lake}/{name}/**/*.parquet" for name in TABLES}
sql_file = pathlib.Path(__file__).parents[2] / "crates/perennial-lake/src/features/orders.sql"

if engine == "duckdb":
    import duckdb

    database = duckdb.connect()
    for name in TABLES:
        database.execute(f"CREATE VIEW {name} AS FROM read_parquet('{files[name]}')")
    sql = sql_file.read_text().replace("$as_of", f"DATE '{as_of}'")
    database.execute(f"CREATE TABLE result AS {sql}")
    rows = database.execute("SELECT COUNT(*) FROM result").fetchone()[0]
    names = [row[0] for row in database.execute("DESCRIBE result").fetchall() if row[0] != "customer_id"]
    sums = database.execute("SELECT " + ", ".join(f"SUM({name})::DOUBLE" for name in names) + " FROM result").fetchone()
else:
    import polars as pl

    at = datetime.date.fromisoformat(as_of)
    item, order, back = (pl.scan_parquet(files[name]) for name in ["order_items", "orders", "returns"])
    moved = lambda column: (pl.col("customer_id").is_not_null(), pl.col(column) < at)
    zero = pl.lit(0, pl.Int64)
    moves = pl.concat([
        item.filter(*moved("ordered_on")).select("customer_id", day="ordered_on", bought=pl.col("total_cents") > 0,
                                                 sold="total_cents", net="total_cents"),
        order.filter(*moved("ordered_on")).select("customer_id", day="ordered_on", bought=pl.col("status") != "cancelled",
                                                  sold=zero, net=zero),
        back.filter(*moved("returned_on")).select("customer_id", day="returned_on", bought=pl.lit(False), sold=zero,
                                                  net=-pl.col("amount_cents")),
    ])
    days = moves.group_by("customer_id", "day").agg(pl.col("bought").any(), pl.col("sold").sum(), pl.col("net").sum())
    days = days.with_columns(age=(pl.lit(at) - pl.col("day")).dt.total_days())
    within = lambda column, window: pl.col(column).filter(pl.col("age") <= window).sum()
    spent = days.group_by("customer_id").agg(
        pl.col("net").sum().alias("spend_cents_all"), *(within("net", w).alias(f"spend_cents_{w}d") for w in (30, 90, 180, 365)))
    bought = days.filter("bought").sort("customer_id", "day")
    gaps = bought.with_columns(gap=(pl.col("day").diff().dt.total_days()).over("customer_id"))
    counted = gaps.group_by("customer_id").agg(
        pl.len().cast(pl.Int64).alias("orders_all"), pl.col("age").max().alias("t"), pl.col("age").min().alias("days_since_last_order"),
        *((pl.col("age") <= w).sum().cast(pl.Int64).alias(f"orders_{w}d") for w in (30, 90, 180, 365)),
        (pl.col("day").dt.weekday() >= 6).sum().cast(pl.Int64).alias("weekend"),
        pl.col("day").last().dt.month().cast(pl.Int64).alias("month_of_last_order"),
        pl.col("sold").sum().alias("sold"), pl.col("sold").max().alias("order_cents_max"),
        pl.col("sold").first().alias("order_cents_first"), pl.col("sold").last().alias("order_cents_last"),
        pl.col("net").first().alias("net_first"), pl.col("gap").last().alias("gap_days_last"),
        pl.col("gap").max().alias("gap_days_max"), (pl.col("gap") * pl.col("gap")).sum().alias("squares"))
    c = pl.col
    positive = lambda value, by: pl.when(by > 0).then(value / by)
    table = counted.join(spent, on="customer_id").with_columns(x=c("orders_all") - 1, t_x=c("t") - c("days_since_last_order"))
    table = table.with_columns(
        orders_recent_share=positive(c("orders_90d"), c("orders_180d")), orders_per_30d=30 * c("orders_all") / c("t"),
        orders_weekend_share=c("weekend") / c("orders_all"), spend_recent_share=positive(c("spend_cents_90d"), c("spend_cents_180d")),
        repeat_spend_cents_mean=positive(c("spend_cents_all") - c("net_first"), c("x")), order_cents_mean=c("sold") / c("orders_all"),
        gap_days_mean=positive(c("t_x"), c("x")), gap_overdue_ratio=positive(c("days_since_last_order") * c("x"), c("t_x")),
        gap_days_std=pl.when(c("x") > 1).then(((c("x") * c("squares") - c("t_x") ** 2) / (c("x") * (c("x") - 1))).sqrt()))
    result = table.drop("weekend", "sold", "net_first", "squares").collect(engine="streaming")
    rows, names = result.height, [name for name in result.columns if name != "customer_id"]
    sums = [result[name].sum() for name in names]

for name, total in zip(names, sums):
    print(name, rows, f"{total:.3f}")
