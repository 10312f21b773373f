"""Put a simulated shop's lines in the order of time, as a shop's export has them: `by_time.py FOLDER`.

The simulator writes customer after customer, which is also how the lake keeps rows; left so, import would have an easy time of it.
"""
import os
import sys

import duckdb

KEYS = {"orders": "ordered_at, order_id", "order_items": "ordered_at, order_id, CAST(line_no AS INT)", "returns": "returned_at, return_id"}
folder = sys.argv[1]
database = duckdb.connect()
for table, key in KEYS.items():
    path = os.path.join(folder, f"{table}.csv")
    if os.path.exists(path):
        # Everything is text here, so that no cell changes; empty cells stay empty.
        source = f"read_csv('{path}', all_varchar = true, header = true, nullstr = '')"
        database.sql(f"COPY (SELECT * FROM {source} ORDER BY {key}) TO '{path}.sorted' (FORMAT csv, HEADER, NULLSTR '')")
        os.replace(f"{path}.sorted", path)
