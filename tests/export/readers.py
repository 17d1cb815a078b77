"""Reads an export as pyarrow, pandas and polars do, and prints what each has read: rows, types, sums and symbols."""

import json
import sys

import pandas
import polars
import pyarrow
import pyarrow.dataset
import pyarrow.parquet

directory = sys.argv[1]
pattern = f"{directory}/**/*.parquet"


def described(frame):
    times = frame["ts"]
    return {
        "rows": len(frame),
        "volume": float(frame["volume"].sum()),
        "first": times.min().isoformat(),
        "last": times.max().isoformat(),
        "symbols": sorted({str(symbol) for symbol in frame["symbol"]}),
        "vwaps": int(frame["vwap"].notna().sum()),
    }


read = {
    "pandas": described(pandas.read_parquet(directory)),
    "pyarrow": described(pyarrow.parquet.read_table(directory).to_pandas()),
    "pyarrow dataset": described(pyarrow.dataset.dataset(directory, partitioning="hive").to_table().to_pandas()),
    "polars": described(polars.read_parquet(pattern, hive_partitioning=True).to_pandas()),
    "polars lazy": described(polars.scan_parquet(pattern, hive_partitioning=True).collect().to_pandas()),
}
table = pyarrow.parquet.read_table(directory)
versions = {module.__name__: module.__version__ for module in (pandas, polars, pyarrow)}
print(json.dumps({"read": read, "ts": str(table.schema.field("ts").type), "versions": versions}))
