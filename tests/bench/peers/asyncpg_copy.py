"""Binary COPY by asyncpg, 5,000 rows at a time on two connections."""
import asyncio
import csv
import itertools
import os
from datetime import datetime

import asyncpg


def read(path):
    with open(path, newline="") as file:
        rows = csv.reader(file)
        next(rows)
        for symbol, timeframe, ts, *numbers in rows:
            yield (symbol, timeframe, datetime.fromisoformat(ts), *map(float, numbers))


async def main():
    rows = read(os.environ["FILE"])
    pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=2, max_size=2)

    async def work():
        async with pool.acquire() as connection:
            while batch := list(itertools.islice(rows, 5000)):
                await connection.copy_records_to_table("peer_bar", records=batch)

    await asyncio.gather(work(), work())
    await pool.close()


asyncio.run(main())
