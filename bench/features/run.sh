#!/usr/bin/env bash
# The 29 columns of the feature group `orders` over LINES order lines clustered by customer: the native pass and the same SQL on the
# embedded engine, beside DuckDB (the same SQL file) and Polars, all reading the lake's Parquet files. Medians of RUNS.
# Usage: bench/features/run.sh [LINES] [RUNS]
set -euo pipefail
cd "$(dirname "$0")/../.."
lines=${1:-10000000} runs=${2:-5} as_of=2025-12-31
source bench/venv.sh
cargo build --quiet --release -p perennial-lake --example features
ours=$(realpath "${CARGO_TARGET_DIR:-target}/release/examples/features")
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
"$ours" make "$folder/lake" "$lines"
peer="'$bench_python' bench/features/peer.py"

"$ours" run "$folder/lake" native >"$folder/native.txt"
"$ours" run "$folder/lake" sql >"$folder/sql.txt"
for engine in duckdb polars; do
    "$bench_python" bench/features/peer.py "$engine" "$folder/lake" "$as_of" >"$folder/$engine.txt"
done
"$bench_python" bench/features/check.py "$folder/native.txt" "$folder/sql.txt" "$folder/duckdb.txt" "$folder/polars.txt"

{
    "$bench_python" bench/measure.py "perennial, native" "$runs" -- "'$ours' run '$folder/lake' native"
    "$bench_python" bench/measure.py "DuckDB" "$runs" -- "$peer duckdb '$folder/lake' $as_of"
    "$bench_python" bench/measure.py "Polars, streaming" "$runs" -- "$peer polars '$folder/lake' $as_of"
    "$bench_python" bench/measure.py "perennial, SQL on DataFusion" "$runs" -- "'$ours' run '$folder/lake' sql"
} >"$folder/results.jsonl"
"$bench_python" bench/table.py <"$folder/results.jsonl"
