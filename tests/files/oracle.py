"""The bars of the fixtures in tests/fixtures/formats, read with nothing but Python's own library.

    python3 tests/files/oracle.py    # prints {"format/file": [[symbol, timeframe, microseconds, o, h, l, c, v, vwap, trades]]}
"""
import csv, io, json, os
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures", "formats")
UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def us(moment):
    return (moment - EPOCH) // timedelta(microseconds=1)


def day(text, form="%Y-%m-%d"):
    return us(datetime.strptime(text, form).replace(tzinfo=UTC))


def local(text, form, zone, minus=0):
    tz = ZoneInfo(zone) if isinstance(zone, str) else timezone(timedelta(hours=zone))
    return us(datetime.strptime(text, form).replace(tzinfo=tz)) - minus * 60_000_000


def aware(text):
    return us(datetime.fromisoformat(text.replace("Z", "+00:00")))


def rows(text, delimiter=","):
    return [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if row]


def named(text, delimiter=",", skip=0, drop=""):
    lines = rows(text, delimiter)[skip:]
    names = [name.strip().strip(drop) for name in lines[0]]
    # Of names that repeat, the first counts.
    return [dict(reversed([(n, v.strip()) for n, v in zip(names, line)])) for line in lines[1:]]


def bar(symbol, timeframe, ts, o, h, l, c, v, vwap=None, trades=None):
    values = [float(Decimal(str(each))) for each in (o, h, l, c, v)]
    return [symbol, timeframe, ts, *values, None if vwap is None else float(vwap), None if trades is None else int(trades)]


def ohlcv(row, names="Open High Low Close Volume"):
    return [row[name] for name in names.split()]


def daily(symbol, form="%Y-%m-%d", date="Date", names="Open High Low Close Volume"):
    return lambda text, name: [bar(symbol, "1d", day(r[date], form), *ohlcv(r, names)) for r in named(text)]


LOWER = "open high low close volume"


def yahoo(text, name):
    return [bar("AAPL", "1d", day(r["Date"]), *ohlcv(r)) for r in named(text) if r["Open"] != "null"]


def yfinance(text, name):
    lines = rows(text)
    names, symbols, first = lines[0], lines[1], lines[2][0]
    out = []
    for line in lines[3:]:
        for symbol in dict.fromkeys(symbols[1:]):
            at = {n: v for n, s, v in zip(names, symbols, line) if s == symbol}
            if at["Open"] == "":
                continue
            ts = day(line[0]) if first == "Date" else aware(line[0])
            out.append(bar(symbol, "1d" if first == "Date" else "30m", ts, *ohlcv(at)))
    return out


def stooq(text, name):
    out = []
    for r in named(text, drop="<>"):
        ts = day(r["DATE"], "%Y%m%d") if r["PER"] == "D" else local(r["DATE"] + r["TIME"], "%Y%m%d%H%M%S", "Europe/Warsaw")
        out.append(bar(r["TICKER"], "1d" if r["PER"] == "D" else r["PER"] + "m", ts, *ohlcv(r, "OPEN HIGH LOW CLOSE VOL")))
    return out


def finam(text, name):
    return [
        bar(r["TICKER"], r["PER"] + "m", local(r["DATE"] + r["TIME"], "%Y%m%d%H%M%S", "Europe/Moscow"), *ohlcv(r, "OPEN HIGH LOW CLOSE VOL"))
        for r in named(text, ";", drop="<>")
    ]


def investing(text, name):
    power = {"K": 1000, "M": 1_000_000, "B": 1_000_000_000}
    out = []
    for r in named(text.lstrip("\ufeff")):
        if r["Open"] == "":
            continue
        prices = [r[n].replace(",", "") for n in ("Open", "High", "Low", "Price")]
        volume = Decimal(r["Vol."][:-1]) * power[r["Vol."][-1]]
        out.append(bar("AAPL", "1d", day(r["Date"], "%m/%d/%Y"), *prices, volume))
    return out


def nasdaq(text, name):
    clean = lambda value: value.replace("$", "").replace(",", "")
    return [
        bar("AAPL", "1d", day(r["Date"], "%m/%d/%Y"), *(clean(v) for v in ohlcv(r, "Open High Low Close/Last Volume")))
        for r in named(text)
    ]


def alphavantage(text, name):
    if name.startswith("daily"):
        return daily("MSFT", date="timestamp", names=LOWER)(text, name)
    return [bar("MSFT", "5m", local(r["timestamp"], "%Y-%m-%d %H:%M:%S", "America/New_York"), *ohlcv(r, LOWER)) for r in named(text)]


def headless(symbol, timeframe, when, delimiter=",", scale=1, split=False):
    def read(text, name):
        out = []
        for r in rows(text, delimiter):
            stamp, values = (r[0] + " " + r[1], r[2:7]) if split else (r[0], r[1:6])
            prices = [Decimal(each) * Decimal(str(scale)) for each in values[:4]]
            out.append(bar(symbol, timeframe, when(stamp), *prices, values[4]))
        return out

    return read


def epoch(text):
    # As many digits as microseconds of our years have, or fewer.
    return int(text) if len(text) == 16 else int(text) * 1000 if len(text) == 13 else int(text) * 1_000_000


def klines(symbol, timeframe):
    return lambda text, name: [
        bar(symbol, timeframe, epoch(r[0]), *r[1:6], trades=r[8]) for r in rows(text) if r[0].isdigit()
    ]


def cdd(text, name):
    timeframe = "1d" if name.endswith("_d.csv") else "1h"
    out = []
    for r in named(text, skip=1):
        r = {n.lower(): v for n, v in r.items()}
        volume = next(v for n, v in r.items() if n in ("volume ada", "volume btc"))
        trades = r.get("tradecount")
        out.append(bar(r["symbol"], timeframe, epoch(r["unix"]), r["open"], r["high"], r["low"], r["close"], volume, trades=trades))
    return out


def cdd_old(text, name):
    return [
        bar(r["Symbol"], "1h", us(datetime.strptime(r["Date"], "%Y-%m-%d %I-%p").replace(tzinfo=UTC)), *ohlcv(r, "Open High Low Close"), r["Volume BTC"])
        for r in named(text, skip=1)
    ]


def kaggle(text, name):
    return [
        bar("BTCUSD", "1m", epoch(r["Timestamp"]), *ohlcv(r, "Open High Low Close"), r["Volume_(BTC)"])
        for r in named(text)
        if r["Open"] != "NaN"
    ]


def arrays(symbol, timeframe, factor, order=(1, 2, 3, 4, 5)):
    return lambda text, name: [
        bar(symbol, timeframe, r[0] * factor, *(r[at] for at in order)) for r in json.loads(text, parse_float=Decimal)
    ]


def massive(text, name):
    return [bar(r["ticker"], "1m", int(r["window_start"]) // 1000, *ohlcv(r, LOWER), trades=r["transactions"]) for r in named(text)]


LENGTHS = {"32": "1s", "33": "1m", "34": "1h", "35": "1d"}


def nano(text):
    return int(text) // 1000 if text.isdigit() else aware(text[:26] + "Z")


def fixed(text):
    return text if "." in text else Decimal(text) / 10**9


def databento(text, name):
    return [
        bar(r["symbol"], LENGTHS[r["rtype"]], nano(r["ts_event"]), *(fixed(v) for v in ohlcv(r, "open high low close")), r["volume"])
        for r in named(text)
        if r["open"] != "9223372036854775807"
    ]


def databento_json(text, name):
    out = []
    for line in text.splitlines():
        r = json.loads(line)
        head = r["hd"]
        out.append(bar("ESH4", LENGTHS[str(head["rtype"])], nano(head["ts_event"]), *(fixed(r[n]) for n in LOWER.split()[:4]), r["volume"]))
    return out


def alpaca(text, name):
    bars = json.loads(text)["bars"]
    each = [("AAPL", b) for b in bars] if isinstance(bars, list) else [(s, b) for s, found in bars.items() for b in found]
    return [bar(s, "1m", aware(b["t"]), b["o"], b["h"], b["l"], b["c"], b["v"], b["vw"], b["n"]) for s, b in each]


def lean(symbol, date, zone):
    start = lambda ms: us(datetime.strptime(date, "%Y%m%d").replace(tzinfo=ZoneInfo(zone)) + timedelta(milliseconds=int(ms)))
    return start


def lean_daily(text, name):
    if name.startswith("hour"):
        return headless("aapl", "1h", lambda t: local(t, "%Y%m%d %H:%M", "America/New_York"), scale="0.0001")(text, name)
    return headless("aapl", "1d", lambda t: day(t[:8], "%Y%m%d"), scale="0.0001")(text, name)


def ib(text, name):
    return [
        bar("SPY", "1m", aware(r["date"]), *ohlcv(r, LOWER), r["average"], r["barCount"]) for r in named(text)
    ]


def mt5(text, name):
    out = []
    for r in named(text, "\t", drop="<>"):
        values = ohlcv(r, "OPEN HIGH LOW CLOSE TICKVOL")
        if "TIME" not in r:
            out.append(bar("XAUUSD", "1d", day(r["DATE"], "%Y.%m.%d"), *values))
        else:
            # Seven hours ahead of New York.
            wall = datetime.strptime(r["DATE"] + r["TIME"], "%Y.%m.%d%H:%M:%S") - timedelta(hours=7)
            out.append(bar("XAUUSD", "1h", us(wall.replace(tzinfo=ZoneInfo("America/New_York"))), *values))
    return out


def tradingview(text, name):
    symbol, timeframe = ("AAPL", "1h") if "AAPL" in name else ("BTCUSDT", "1d")
    when = lambda t: epoch(t) if t.isdigit() else aware(t)
    return [bar(symbol, timeframe, when(r["time"]), *ohlcv(r, "open high low close Volume")) for r in named(text)]


def tradestation(text, name):
    return [
        bar("ES", "1m", local(r["Date"] + r["Time"], "%m/%d/%Y%H:%M", "America/Chicago", 1), *ohlcv(r, "Open High Low Close"), int(r["Up"]) + int(r["Down"]))
        for r in named(text)
    ]


def sierra(text, name):
    return [
        bar("ESU26", "1m", local(r["Date"] + r["Time"], "%Y-%m-%d%H:%M:%S.%f", "America/Chicago"), *ohlcv(r, "Open High Low Last Volume"), trades=r["# of Trades"])
        for r in named(text)
    ]


def multicharts(text, name):
    return [
        bar("TXF1", "1m", local(r["Date"] + " " + r["Time"], "%Y/%m/%d %H:%M:%S.%f", "Asia/Taipei", 1), *ohlcv(r)) for r in named(text, drop="<>")
    ]


def excel_de(text, name):
    clean = lambda value: value.replace(".", "").replace(",", ".")
    return [
        bar("DAX", "1d", day(r["Datum"], "%d.%m.%Y"), *(clean(v) for v in ohlcv(r, "Eröffnung Hoch Tief Schluss Volumen")))
        for r in named(text, ";", skip=1)
    ]


ET, DASHED = "America/New_York", "%Y-%m-%d %H:%M:%S"
READ = {
    "yahoo": yahoo,
    "yfinance": yfinance,
    "yfinance-history": lambda t, n: [bar("AAPL", "1d", day(r["Date"][:10]), *ohlcv(r)) for r in named(t)],
    "stooq": stooq,
    "stooq-csv": daily("aapl_us"),
    "stooq-pl": daily("aapl_us", date="Data", names="Otwarcie Najwyzszy Najnizszy Zamkniecie Wolumen"),
    "finam": finam,
    "investing": investing,
    "nasdaq": nasdaq,
    "googlefinance": lambda t, n: [bar("AAPL", "1d", day(r["Date"][:10], "%d/%m/%Y"), *ohlcv(r)) for r in named(t)],
    "alphavantage": alphavantage,
    "twelvedata": lambda t, n: [bar("AAPL", "1m", local(r["datetime"], DASHED, ET), *ohlcv(r, LOWER)) for r in named(t, ";")],
    "tiingo": daily("IBM", date="date", names=LOWER),
    "eodhd": lambda t, n: [bar("AAPL", "5m", epoch(r["Timestamp"]), *ohlcv(r)) for r in named(t)],
    "eodhd-daily": daily("AAPL"),
    "sharadar": lambda t, n: [bar(r["ticker"], "1d", day(r["date"]), *ohlcv(r, LOWER)) for r in named(t)],
    "firstrate": headless("AACG", "1m", lambda t: local(t, DASHED, ET)),
    "kibot": headless("MSFT", "1m", lambda t: local(t, "%m/%d/%Y %H:%M", ET), split=True),
    "kibot-daily": headless("IBM", "1d", lambda t: day(t, "%m/%d/%Y")),
    "crsp": lambda t, n: [
        bar(r["PERMNO"], "1d", day(r["date"], "%Y%m%d"), r["OPENPRC"], r["ASKHI"], r["BIDLO"], abs(Decimal(r["PRC"])), r["VOL"])
        for r in named(t)
    ],
    "binance": klines("BTCUSDT", "1m"),
    "binance-futures": klines("BTCUSDT", "1m"),
    "kraken": lambda t, n: [bar("XBTUSD", "1h", epoch(r[0]), *r[1:6], trades=r[6]) for r in rows(t)],
    "cryptodatadownload": cdd,
    "cryptodatadownload-old": cdd_old,
    "kaggle-btc": kaggle,
    "kaggle-stocks": daily("aapl"),
    "freqtrade": arrays("BTC/USDT", "5m", 1000),
    "ccxt": arrays("BTC/USDT", "1m", 1000),
    "coinbase": arrays("BTC-USD", "1m", 1_000_000, (3, 2, 1, 4, 5)),
    "massive": massive,
    "databento": databento,
    "databento-json": databento_json,
    "alpaca": alpaca,
    "lean": headless("aapl", "1m", lean("aapl", "20140605", ET), scale="0.0001"),
    "lean-daily": lean_daily,
    "lean-crypto": headless("btcusd", "1m", lean("btcusd", "20180405", "UTC")),
    "ib": ib,
    "quantrocket": lambda t, n: [bar(r["Sid"], "1d", day(r["Date"]), *ohlcv(r)) for r in named(t)],
    "zipline": lambda t, n: [bar("AAPL", "1m", local(r["date"], DASHED, "UTC", 1), *ohlcv(r, LOWER)) for r in named(t)],
    "zipline-daily": daily("AAPL", date="date", names=LOWER),
    "histdata": headless("EURUSD", "1m", lambda t: local(t, "%Y%m%d %H%M%S", -5), ";"),
    "histdata-mt": headless("EURUSD", "1m", lambda t: local(t, "%Y.%m.%d %H:%M", -5), split=True),
    "dukascopy": lambda t, n: [bar("EURUSD", "1m", local(r["Gmt time"], "%d.%m.%Y %H:%M:%S.%f", "UTC"), *ohlcv(r)) for r in named(t)],
    "dukascopy-local": lambda t, n: [
        bar("DEUIDXEUR", "1m", us(datetime.strptime(r["Local time"], "%d.%m.%Y %H:%M:%S.%f GMT%z")), *ohlcv(r)) for r in named(t)
    ],
    "jforex": lambda t, n: [bar("XAUUSD", "1m", local(r["Time (EET)"], "%Y.%m.%d %H:%M:%S", "Europe/Athens"), *ohlcv(r)) for r in named(t)],
    "mt4": headless("EURUSD", "1h", lambda t: local(t, "%Y.%m.%d %H:%M", "Europe/Athens"), split=True),
    "mt5": mt5,
    "tradingview": tradingview,
    "tradestation": tradestation,
    "ninjatrader": headless("ES 12-06", "1m", lambda t: local(t, "%Y%m%d %H%M%S", "UTC", 1), ";"),
    "sierra": sierra,
    "multicharts": multicharts,
    "excel-de": excel_de,
}
ENCODINGS = {"excel-de": "cp1252", "stooq-pl": "cp1250"}

if __name__ == "__main__":
    found = {}
    for form, read in READ.items():
        base = os.path.join(ROOT, form)
        for directory, _, names in os.walk(base):
            for name in names:
                path = os.path.join(directory, name)
                with open(path, encoding=ENCODINGS.get(form, "utf-8"), newline="") as file:
                    inner = os.path.relpath(path, base)
                    found[f"{form}/{inner}"] = sorted(read(file.read(), inner))
    print(json.dumps(found))
