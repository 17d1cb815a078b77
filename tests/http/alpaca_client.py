"""Reads bars with alpaca-py: the examples of its documentation, with another address.

Arguments: the base address, the token. Prints one JSON object.
"""

import json
import sys
import threading
from datetime import datetime, timezone

from alpaca.common.exceptions import APIError
from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.live import StockDataStream
from alpaca.data.requests import StockBarsRequest
from alpaca.data.timeframe import TimeFrame

base, token = sys.argv[1:3]
client = StockHistoricalDataClient("key", token, url_override=f"{base}/alpaca")
start = datetime(2000, 1, 1, tzinfo=timezone.utc)
request = StockBarsRequest(
    symbol_or_symbols=["AAPL", "MSFT"],
    timeframe=TimeFrame.Minute,
    start=start,
    end=datetime(2000, 1, 1, 0, 59, tzinfo=timezone.utc),
)
bars = client.get_stock_bars(request)
history = {symbol: [[bar.timestamp.timestamp(), bar.close, bar.volume] for bar in bars[symbol]] for symbol in bars.data}

refused = None
try:
    wrong = StockHistoricalDataClient("key", "wrong", url_override=f"{base}/alpaca")
    wrong.get_stock_bars(request)
except APIError as error:
    refused = error.status_code

live = []
stream = StockDataStream("key", token, url_override=f"{base.replace('http', 'ws')}/alpaca/v2/iex")


async def on_bar(bar):
    live.append([bar.symbol, bar.timestamp.timestamp(), bar.close])
    if len(live) == 20:
        await stream.stop_ws()


stream.subscribe_bars(on_bar, "AAPL", "MSFT")
threading.Timer(60, stream.stop).start()
stream.run()
print(json.dumps({"history": history, "refused": refused, "live": live}))
import os

os._exit(0)
