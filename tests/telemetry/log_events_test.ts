import { assertEquals } from "@std/assert";
import type { FeedState } from "../../src/events.ts";
import { configureLog } from "../../src/telemetry/log.ts";
import { logEvents } from "../../src/telemetry/log_events.ts";
import { captureStderr } from "../support/stderr.ts";

Deno.test("a feed that connects again and again is logged once, with advice, until it is live", async () => {
  using captured = captureStderr();
  await configureLog({ level: "info", format: "text" });
  const listen = logEvents();
  const enter = (...states: FeedState[]) =>
    states.forEach((state) => listen({ type: "feed-state", provider: "kraken", state }));
  enter("connecting");
  const error = new Error("Connection to wss://ws.kraken.com/v2 failed: dns error");
  listen({ type: "feed-lost", provider: "kraken", reason: "connect", error });
  enter("waiting", "connecting", "waiting", "connecting", "live", "waiting", "connecting", "live");
  assertEquals(captured.lines().map((line) => line.replace(/^.* barline: /, "")), [
    "Feed kraken is connecting",
    "Feed kraken lost its connection (connect): Connection to wss://ws.kraken.com/v2 failed: dns error. " +
    "It is tried again; check the network, the name server and firewalls of this machine",
    "Feed kraken is waiting",
    "Feed kraken is live",
    "Feed kraken is waiting",
    "Feed kraken is connecting",
    "Feed kraken is live",
  ]);
});
