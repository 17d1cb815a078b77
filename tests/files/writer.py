"""Writes files of the formats, of bars made at random, and prints the bars: a test of reading that no reader has a part in.

    python3 tests/files/writer.py DIRECTORY [SEED]    # prints {"format/file": [[symbol, timeframe, microseconds, o, h, l, c, v]]}
"""
import json, os, random, sys
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

UTC = timezone.utc
ROWS = 60
LENGTH = {"1m": 60, "5m": 300, "30m": 1800, "1h": 3600, "1d": 86400}
RANDOM = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)


class Bar:
    """A bar; its numbers are texts, as files have them."""

    def __init__(self, start, timeframe, places, volume):
        low, high = sorted(RANDOM.sample(range(10_000, 30_000), 2))
        inside = lambda: RANDOM.randint(low, high)
        self.start, self.timeframe, self.v = start, timeframe, volume()
        self.o, self.h, self.l, self.c = (f"{Decimal(each) / 100:.{places}f}" for each in (inside(), high, low, inside()))
        self.n = RANDOM.randint(1, 500)

    def at(self, form, zone="UTC", end=False):
        moment = self.start + timedelta(seconds=LENGTH[self.timeframe] if end else 0)
        if self.timeframe == "1d":
            return self.start.strftime(form)
        tz = ZoneInfo(zone) if isinstance(zone, str) else timezone(timedelta(hours=zone))
        return moment.astimezone(tz).strftime(form)

    def local(self, form, zone, ahead):
        return (self.start.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + timedelta(hours=ahead)).strftime(form)

    def epoch(self, factor):
        return int(self.start.timestamp()) * factor

    def scaled(self, factor):
        return [str(int(Decimal(each) * factor)) for each in (self.o, self.h, self.l, self.c)]


def bars(timeframe, places=2, volume=lambda: str(RANDOM.randint(1, 10**6)), day=None):
    """Bars on both sides of a change of clocks, but for those of one day."""
    out = []
    if timeframe == "1d":
        date = datetime(2024, 2, 1, tzinfo=UTC)
        while len(out) < ROWS:
            if date.weekday() < 5:
                out.append(Bar(date, timeframe, places, volume))
            date += timedelta(days=1)
        return out
    step = LENGTH[timeframe]
    for start in [day] if day else [datetime(2024, 3, 7, 15, tzinfo=UTC), datetime(2024, 4, 2, 15, tzinfo=UTC)]:
        for at in range(ROWS // 2):
            out.append(Bar(start + timedelta(seconds=at * step), timeframe, places, volume))
    return out


def table(all, row, header=None, mark=",", end="\n", newest_first=False):
    lines = [mark.join(str(each) for each in row(bar)) for bar in (reversed(all) if newest_first else all)]
    return end.join(([header] if header else []) + lines) + end


ohlcv = lambda b: [b.o, b.h, b.l, b.c, b.v]
ET, DASHED = "America/New_York", "%Y-%m-%d %H:%M:%S"
NAMES = "Open,High,Low,Close,Volume"
fraction = lambda: f"{RANDOM.random() * 100:.8f}"
FILES = {}


def file(path, symbol, timeframe, write, encoding="utf-8", **how):
    FILES[path] = (symbol, timeframe, write, encoding, how)


def simple(path, symbol, timeframe, time, header=None, mark=",", **how):
    file(path, symbol, timeframe, lambda all: table(all, lambda b: [*time(b), *ohlcv(b)], header, mark, **how))


day = lambda form="%Y-%m-%d": lambda b: [b.at(form)]
file("yahoo/AAPL.csv", "AAPL", "1d", lambda a: table(a, lambda b: [b.at("%Y-%m-%d"), b.o, b.h, b.l, b.c, "1.5", b.v], "Date,Open,High,Low,Close,Adj Close,Volume"))
file("yfinance/msft.csv", "MSFT", "1d", lambda a: "Price,Close,High,Low,Open,Volume\nTicker,MSFT,MSFT,MSFT,MSFT,MSFT\n" + table(a, lambda b: [b.at("%Y-%m-%d"), b.c, b.h, b.l, b.o, b.v], "Date,,,,,"))
file("yfinance-history/aapl.csv", "AAPL", "1d", lambda a: table(a, lambda b: [b.at("%Y-%m-%d") + " 00:00:00-05:00", *ohlcv(b), "0.0", "0.0"], f"Date,{NAMES},Dividends,Stock Splits"))
file("stooq/aapl.us.txt", "AAPL.US", "5m", lambda a: table(a, lambda b: ["AAPL.US", "5", b.at("%Y%m%d", "Europe/Warsaw"), b.at("%H%M%S", "Europe/Warsaw"), *ohlcv(b), "0"], "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>", end="\r\n"))
simple("stooq-csv/aapl_us_d.csv", "aapl_us", "1d", day(), f"Date,{NAMES}")
simple("stooq-pl/aapl_us_d.csv", "aapl_us", "1d", day(), "Data,Otwarcie,Najwyzszy,Najnizszy,Zamkniecie,Wolumen")
file("finam/SBER_240103.txt", "SBER", "5m", lambda a: table(a, lambda b: ["SBER", "5", b.at("%Y%m%d", "Europe/Moscow"), b.at("%H%M%S", "Europe/Moscow"), *ohlcv(b)], "<TICKER>;<PER>;<DATE>;<TIME>;<OPEN>;<HIGH>;<LOW>;<CLOSE>;<VOL>", ";"))
quoted = lambda *values: [f'"{each}"' for each in values]
file("investing/AAPL Historical Data.csv", "AAPL", "1d", lambda a: "\ufeff" + table(a, lambda b: quoted(b.at("%m/%d/%Y"), f"{Decimal(b.c) * 10:,.2f}", f"{Decimal(b.o) * 10:,.2f}", f"{Decimal(b.h) * 10:,.2f}", f"{Decimal(b.l) * 10:,.2f}", b.v, "0.76%"), '"Date","Price","Open","High","Low","Vol.","Change %"', end="\r\n", newest_first=True), scale=10, volume=lambda: f"{RANDOM.randint(1, 999)}.{RANDOM.randint(10, 99)}{RANDOM.choice('KMB')}")
file("nasdaq/HistoricalData_1734300000000.csv", "AAPL", "1d", lambda a: table(a, lambda b: [b.at("%m/%d/%Y"), "$" + b.c, b.v, "$" + b.o, "$" + b.h, "$" + b.l], "Date,Close/Last,Volume,Open,High,Low", newest_first=True))
simple("googlefinance/Sheet1.csv", "AAPL", "1d", lambda b: [b.at("%d/%m/%Y") + " 16:00:00"], f"Date,{NAMES}")
file("alphavantage/daily_adjusted_MSFT.csv", "MSFT", "1d", lambda a: table(a, lambda b: [b.at("%Y-%m-%d"), b.o, b.h, b.l, b.c, "9.9", b.v, "0.0000", "1.0000"], "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient", end="\r\n", newest_first=True))
simple("twelvedata/twelvedata.csv", "AAPL", "1m", lambda b: [b.at(DASHED, ET)], "datetime;open;high;low;close;volume", ";", newest_first=True)
file("tiingo/IBM.csv", "IBM", "1d", lambda a: table(a, lambda b: [b.at("%Y-%m-%d"), b.c, b.h, b.l, b.o, b.v, *["7.7"] * 4, "77", "0.0", "1.0"], "date,close,high,low,open,volume,adjClose,adjHigh,adjLow,adjOpen,adjVolume,divCash,splitFactor"))
file("eodhd/AAPL.US.csv", "AAPL", "5m", lambda a: table(a, lambda b: [b.epoch(1), "0", f'"{b.at(DASHED)}"', *ohlcv(b)], f"Timestamp,Gmtoffset,Datetime,{NAMES}"))
file("eodhd-daily/AAPL.csv", "AAPL", "1d", lambda a: table(a, lambda b: [b.at("%Y-%m-%d"), b.o, b.h, b.l, b.c, "7.7", b.v], "Date,Open,High,Low,Close,Adjusted_close,Volume"))
file("sharadar/SHARADAR_SEP.csv", "AAPL", "1d", lambda a: table(a, lambda b: ["AAPL", b.at("%Y-%m-%d"), *ohlcv(b), "1", "2", "2024-01-01"], "ticker,date,open,high,low,close,volume,closeadj,closeunadj,lastupdated"))
simple("firstrate/AACG_full_1min_adjsplitdiv.txt", "AACG", "1m", lambda b: [b.at(DASHED, ET)])
simple("kibot/MSFT.txt", "MSFT", "1m", lambda b: [b.at("%m/%d/%Y", ET), b.at("%H:%M", ET)])
simple("kibot-daily/IBM_unadjusted.txt", "IBM", "1d", day("%m/%d/%Y"))
file("crsp/crsp_dsf.csv", "14593", "1d", lambda a: table(a, lambda b: ["14593", b.at("%Y%m%d"), "AAPL", "03783310", b.l, b.h, "-" + b.c if b.n % 2 else b.c, b.v, "-0.03", b.o], "PERMNO,date,TICKER,CUSIP,BIDLO,ASKHI,PRC,VOL,RET,OPENPRC"))
kline = lambda b, unit: [b.epoch(unit), *ohlcv(b), b.epoch(unit) + 60 * unit - 1, "8.5", b.n, "0.0", "0.0", "0"]
file("binance/BTCUSDT-1m-2025-01.csv", "BTCUSDT", "1m", lambda a: table(a, lambda b: kline(b, 1_000_000 if b.n % 2 else 1000)), places=8, volume=fraction)
file("binance-futures/BTCUSDT-1m-2024-01.csv", "BTCUSDT", "1m", lambda a: table(a, lambda b: kline(b, 1000), "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore"), volume=fraction)
file("kraken/XBTUSD_60.csv", "XBTUSD", "1h", lambda a: table(a, lambda b: [b.epoch(1), *ohlcv(b), b.n]), volume=fraction)
file("cryptodatadownload/Bitstamp_BTCUSD_1h.csv", "BTC/USD", "1h", lambda a: "https://www.CryptoDataDownload.com\n" + table(a, lambda b: [b.epoch(1), b.at(DASHED), "BTC/USD", *ohlcv(b), "9.9"], "unix,date,symbol,open,high,low,close,Volume BTC,Volume USD", newest_first=True), volume=fraction)
file("cryptodatadownload-old/Coinbase_BTCUSD_1h.csv", "BTCUSD", "1h", lambda a: "Timestamps are UTC timezone,https://www.CryptoDataDownload.com\n" + table(a, lambda b: [b.at("%Y-%m-%d %I-%p"), "BTCUSD", *ohlcv(b), "9.9"], "Date,Symbol,Open,High,Low,Close,Volume BTC,Volume USD"), volume=fraction)
file("kaggle-btc/bitstampUSD_1-min_data.csv", "BTCUSD", "1m", lambda a: table(a, lambda b: [b.epoch(1), *ohlcv(b), "1.1", b.c], "Timestamp,Open,High,Low,Close,Volume_(BTC),Volume_(Currency),Weighted_Price") + "1711111111,NaN,NaN,NaN,NaN,NaN,NaN,NaN\n", volume=fraction)
file("kaggle-stocks/aapl.us.txt", "aapl", "1d", lambda a: table(a, lambda b: [b.at("%Y-%m-%d"), *ohlcv(b), "0"], f"Date,{NAMES},OpenInt"))
array = lambda factor, order: lambda a: "[" + ",".join("[" + ",".join([str(b.epoch(factor)), *(getattr(b, each) for each in order)]) + "]" for b in a) + "]"
file("freqtrade/BTC_USDT-5m.json", "BTC/USDT", "5m", array(1000, "ohlcv"), volume=fraction)
file("ccxt/ohlcv.json", "BTC/USDT", "1m", array(1000, "ohlcv"), volume=fraction)
file("coinbase/candles.json", "BTC-USD", "1m", array(1, "lhocv"), volume=fraction)
file("massive/us_stocks_sip/minute_aggs_v1/2025/04/2025-04-16.csv", "AAPL", "1m", lambda a: table(a, lambda b: ["AAPL", b.v, b.o, b.c, b.h, b.l, b.epoch(10**9), b.n], "ticker,volume,open,close,high,low,window_start,transactions"))
file("databento/xnas-itch-20230821.ohlcv-1d.csv", "AMZN", "1m", lambda a: table(a, lambda b: [b.epoch(10**9), "33", "2", "523", *b.scaled(10**9), b.v, "AMZN"], "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol"))
file("databento/pretty.ohlcv-1m.csv", "ESH4", "1h", lambda a: table(a, lambda b: [b.at("%Y-%m-%dT%H:%M:%S.000000000Z"), "34", "1", "5482", *(each + "0000000" for each in (b.o, b.h, b.l, b.c)), b.v, "ESH4"], "ts_event,rtype,publisher_id,instrument_id,open,high,low,close,volume,symbol"))
def dbn_json(a):
    rows = []
    for b in a:
        o, h, l, c = b.scaled(10**9)
        head = {"ts_event": str(b.epoch(10**9)), "rtype": 33, "publisher_id": 1, "instrument_id": 5482}
        rows.append(json.dumps({"hd": head, "open": o, "high": h, "low": l, "close": c, "volume": b.v}))
    return "\n".join(rows) + "\n"
file("databento-json/glbx-mdp3-20240102.ohlcv-1m.json", "ESH4", "1m", dbn_json)
file("alpaca/bars.json", "AAPL", "1m", lambda a: json.dumps({"bars": {"AAPL": [{"t": b.at("%Y-%m-%dT%H:%M:%SZ"), "o": float(b.o), "h": float(b.h), "l": float(b.l), "c": float(b.c), "v": int(b.v), "n": b.n, "vw": 1.5} for b in a]}, "next_page_token": None}))
LEAN = datetime(2014, 6, 5, 14, tzinfo=UTC)
since = lambda b, zone: int((b.start - datetime.combine(b.start.astimezone(ZoneInfo(zone)).date(), datetime.min.time(), ZoneInfo(zone))).total_seconds() * 1000)
file("lean/20140605_aapl_minute_trade.csv", "aapl", "1m", lambda a: table(a, lambda b: [since(b, ET), *b.scaled(10**4), b.v]), day=LEAN)
file("lean-daily/daily/aapl.csv", "aapl", "1d", lambda a: table(a, lambda b: [b.at("%Y%m%d 00:00"), *b.scaled(10**4), b.v]))
file("lean-daily/hour/aapl.csv", "aapl", "1h", lambda a: table(a, lambda b: [b.at("%Y%m%d %H:%M", ET), *b.scaled(10**4), b.v]))
file("lean-crypto/20180405_btcusd_minute_trade.csv", "btcusd", "1m", lambda a: table(a, lambda b: [since(b, "UTC"), *ohlcv(b)]), day=datetime(2018, 4, 5, 3, tzinfo=UTC), volume=fraction)
offset = lambda b: b.start.astimezone(ZoneInfo(ET)).isoformat(" ")
file("ib/spy.csv", "SPY", "1m", lambda a: table(a, lambda b: [offset(b), *ohlcv(b), b.c, b.n], "date,open,high,low,close,volume,average,barCount"))
file("quantrocket/history.csv", "FIBBG000B9XRY4", "1d", lambda a: table(a, lambda b: ["FIBBG000B9XRY4", b.at("%Y-%m-%d"), *ohlcv(b)], f"Sid,Date,{NAMES}"))
simple("zipline/minute/AAPL.csv", "AAPL", "1m", lambda b: [b.at(DASHED, end=True)], "date,open,high,low,close,volume")
file("zipline-daily/daily/AAPL.csv", "AAPL", "1d", lambda a: table(a, lambda b: [b.at("%Y-%m-%d"), *ohlcv(b), "0.0", "1.0"], "date,open,high,low,close,volume,dividend,split"))
simple("histdata/DAT_ASCII_EURUSD_M1_2012.csv", "EURUSD", "1m", lambda b: [b.at("%Y%m%d %H%M%S", -5)], mark=";")
simple("histdata-mt/DAT_MT_EURUSD_M1_201202.csv", "EURUSD", "1m", lambda b: [b.at("%Y.%m.%d", -5), b.at("%H:%M", -5)])
simple("dukascopy/EURUSD_Candlestick_1_M_BID_26.03.2025-27.03.2025.csv", "EURUSD", "1m", lambda b: [b.at("%d.%m.%Y %H:%M:%S.000")], f"Gmt time,{NAMES}")
simple("dukascopy-local/DEUIDXEUR_Candlestick_1_M_BID_01.07.2025-02.07.2025.csv", "DEUIDXEUR", "1m", lambda b: [b.at("%d.%m.%Y %H:%M:%S.000 GMT%z", "Europe/Berlin")], f"Local time,{NAMES}")
simple("jforex/XAUUSD_1 Min_Bid_2020.01.09_2020.07.10.csv", "XAUUSD", "1m", lambda b: [b.at("%Y.%m.%d %H:%M:%S", "Europe/Athens")], f"Time (EET),{NAMES}")
simple("mt4/EURUSD60.csv", "EURUSD", "1h", lambda b: [b.at("%Y.%m.%d", "Europe/Athens"), b.at("%H:%M", "Europe/Athens")])
MT5 = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
file("mt5/XAUUSD_H1_202201030100_202207040000.csv", "XAUUSD", "1h", lambda a: table(a, lambda b: [b.local("%Y.%m.%d", ET, 7), b.local("%H:%M:%S", ET, 7), *ohlcv(b), "0", "5"], MT5, "\t"))
file("mt5/XAUUSD_D1_202501010000_202501020000.csv", "XAUUSD", "1d", lambda a: table(a, lambda b: [b.at("%Y.%m.%d"), *ohlcv(b), "0", "5"], MT5.replace("<TIME>\t", ""), "\t"))
file("tradingview/NASDAQ_AAPL, 60.csv", "AAPL", "1h", lambda a: table(a, lambda b: [b.epoch(1), *ohlcv(b), ""], "time,open,high,low,close,Volume,Volume MA"))
file("tradestation/ES.txt", "ES", "1m", lambda a: table(a, lambda b: [b.at("%m/%d/%Y", "America/Chicago", True), b.at("%H:%M", "America/Chicago", True), b.o, b.h, b.l, b.c, int(b.v) - int(b.v) // 3, int(b.v) // 3], '"Date","Time","Open","High","Low","Close","Up","Down"'))
simple("ninjatrader/ES 12-06.Last.txt", "ES 12-06", "1m", lambda b: [b.at("%Y%m%d %H%M%S", end=True)], mark=";")
file("sierra/ESU26-BarData.txt", "ESU26", "1m", lambda a: table(a, lambda b: [b.at("%Y-%m-%d", "America/Chicago"), b.at("%H:%M:%S.000", "America/Chicago"), *ohlcv(b), b.n, b.c, b.c, b.c, "1", "2"], "Date, Time, Open, High, Low, Last, Volume, # of Trades, OHLC Avg, HLC Avg, HL Avg, Bid Volume, Ask Volume", ", "))
file("multicharts/TXF1 1 Minute.txt", "TXF1", "1m", lambda a: table(a, lambda b: [b.at("%Y/%-m/%-d", "Asia/Taipei", True), b.at("%H:%M:%S.000", "Asia/Taipei", True), *ohlcv(b)], "<Date>, <Time>, <Open>, <High>, <Low>, <Close>, <Volume>", end="\r\n"))
german = lambda value: f"{Decimal(value) * 10:,.2f}".translate(str.maketrans(",.", ".,"))
file("excel-de/kurse.csv", "DAX", "1d", lambda a: "sep=;\r\n" + table(a, lambda b: [b.at("%d.%m.%Y"), german(b.o), german(b.h), german(b.l), german(b.c), f"{int(b.v):,}".replace(",", ".")], "Datum;Eröffnung;Hoch;Tief;Schluss;Volumen", ";", end="\r\n"), "cp1252", scale=10)

POWER = {"K": 10**3, "M": 10**6, "B": 10**9}
number = lambda text: float(Decimal(text[:-1]) * POWER[text[-1]]) if text[-1] in POWER else float(text)

if __name__ == "__main__":
    found = {}
    for path, (symbol, timeframe, write, encoding, how) in FILES.items():
        scale = how.pop("scale", 1)
        all = bars(timeframe, **how)
        target = os.path.join(sys.argv[1], path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w", encoding=encoding, newline="") as out:
            out.write(write(all))
        price = lambda text: float(Decimal(text) * scale)
        found[path] = [[symbol, timeframe, b.epoch(10**6), price(b.o), price(b.h), price(b.l), price(b.c), number(b.v)] for b in all]
    print(json.dumps(found))
