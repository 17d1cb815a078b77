"""Arrow reads the file, and the ADBC driver writes its columns as one binary COPY."""
import os

import adbc_driver_postgresql.dbapi
import pyarrow
import pyarrow.csv

numbers = ["open", "high", "low", "close", "volume"]
types = {"ts": pyarrow.timestamp("us", tz="UTC")} | {name: pyarrow.float64() for name in numbers}
options = pyarrow.csv.ConvertOptions(column_types=types)
with adbc_driver_postgresql.dbapi.connect(os.environ["DATABASE_URL"]) as connection:
    with connection.cursor() as cursor:
        with pyarrow.csv.open_csv(os.environ["FILE"], convert_options=options) as reader:
            cursor.adbc_ingest("peer_bar", reader, mode="append")
    connection.commit()
