"""The same CSV read and written as Parquet by a peer: `peer.py polars|polars-streaming|duckdb IN OUT`.

Types are given where the column says so, as import does; instants are parsed, identifiers stay text.
"""
import gzip
import sys

engine, source, target = sys.argv[1:]
with (gzip.open if source.endswith(".gz") else open)(source, "rt", encoding="utf-8-sig") as file:
    header = file.readline().rstrip("\r\n").split(",")

WHOLE = {"Quantity", "line_no", "quantity"} | {name for name in header if name.endswith("_cents")}
REAL = {"UnitPrice"}
INSTANTS = {name for name in header if name.endswith("_at")}

if engine.startswith("polars"):
    import polars as pl

    types = {name: pl.Int64 if name in WHOLE else pl.Float64 if name in REAL else pl.String for name in header}
    frame = pl.scan_csv(source, schema=types, encoding="utf8-lossy")
    frame = frame.with_columns(pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%SZ") for name in header if name in INSTANTS)
    if "InvoiceDate" in header:
        frame = frame.with_columns(pl.col("InvoiceDate").str.to_datetime(strict=False))
    if engine == "polars-streaming":
        frame.sink_parquet(target)
    else:
        frame.collect().write_parquet(target)
else:
    import duckdb

    types = {name: "BIGINT" if name in WHOLE else "DOUBLE" if name in REAL else "TIMESTAMP" if name in INSTANTS else "VARCHAR" for name in header}
    columns = ", ".join(f"'{name}': '{kind}'" for name, kind in types.items())
    duckdb.sql(f"COPY (FROM read_csv('{source}', header = true, columns = {{{columns}}})) TO '{target}' (FORMAT parquet)")
