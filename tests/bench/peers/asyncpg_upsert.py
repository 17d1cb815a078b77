"""Upserts by asyncpg's executemany, 1,000 rows at a time on four connections."""
import asyncio
import csv
import itertools
import os
from datetime import datetime

import asyncpg

UPSERT = """INSERT INTO peer_bar VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (symbol, timeframe, ts) DO UPDATE
SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume"""


def read(path):
    with open(path, newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for symbol, timeframe, ts, *numbers in rows:
            yield (symbol, timeframe, datetime.fromisoformat(ts), *map(float, numbers))


async def main():
    rows = read(os.environ["FILE"])
    pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=4, max_size=4)

    async def work():
        async with pool.acquire() as connection:
            while batch := sorted(itertools.islice(rows, 1000)):
                await connection.executemany(UPSERT, batch)

    await asyncio.gather(*(work() for _ in range(4)))
    await pool.close()


asyncio.run(main())
