#!/usr/bin/env bash
# Import alone: `perennial import` (parse, judge every row, sort by customer, commit) beside Polars and DuckDB, which read the
# same CSV and write Parquet. Online Retail and simulated order lines. Medians of RUNS.
# Usage: bench/import/run.sh [LINES] [RUNS]; PERENNIAL_DATA is where the real data sets are, ../shared/data by default.
set -euo pipefail
cd "$(dirname "$0")/../.."
lines=${1:-10000000} runs=${2:-3} data=${PERENNIAL_DATA:-../shared/data}
source bench/venv.sh
cargo build --quiet --release -p perennial
perennial=$(realpath "${CARGO_TARGET_DIR:-target}/release/perennial")
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT

side_by_side() { # TITLE FILE FORMAT
    local title=$1 file=$2 format=$3 rows bytes
    # Cells with line breaks do not occur in these files, so lines are rows.
    rows=$(($(wc -l <"$file") - 1)) bytes=$(stat -c %s "$file")
    printf '\n%s: %s rows, %s MB\n\n' "$title" "$rows" "$((bytes / 1000000))"
    {
        "$bench_python" bench/measure.py perennial "$runs" \
            --before "rm -rf '$folder/shop' && '$perennial' init '$folder/shop' --set shop.currency=$4 --set shop.zone=$5" -- \
            "'$perennial' import --shop '$folder/shop' $format '$file'"
        for peer in polars polars-streaming duckdb; do
            "$bench_python" bench/measure.py "$peer" "$runs" --before "rm -f '$folder/peer.parquet'" -- \
                "'$bench_python' bench/import/peer.py $peer '$file' '$folder/peer.parquet'"
        done
    } >"$folder/results.jsonl"
    "$bench_python" bench/table.py "$rows" "$bytes" <"$folder/results.jsonl"
}

retail=$(find "$data/online_retail" -name '*.csv*' 2>/dev/null | sort | head -n 1 || true)
if [ -n "$retail" ]; then
    case $retail in
        *.gz) gunzip --stdout "$retail" >"$folder/online_retail.csv" ;;
        *) cp "$retail" "$folder/online_retail.csv" ;;
    esac
    side_by_side "Online Retail" "$folder/online_retail.csv" online-retail GBP Europe/London
else
    echo "skipped: no data set online_retail" >&2
fi

"$perennial" simulate --out "$folder/files" --orders "$((lines * 100 / 195))" --orders-only --currency EUR --zone UTC >/dev/null
"$bench_python" bench/by_time.py "$folder/files"
mkdir "$folder/lines" && mv "$folder/files/order_items.csv" "$folder/lines/" && rm -r "$folder/files"
side_by_side "simulated order lines, in the order of time" "$folder/lines/order_items.csv" "" EUR UTC
