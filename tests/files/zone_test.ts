import { assertEquals, assertThrows } from "@std/assert";
import { createZone } from "../../src/files/zone.ts";

const at = (text: string) => Date.parse(`${text}Z`);
const iso = (ms: number) => Number.isNaN(ms) ? "none" : new Date(ms).toISOString().slice(0, 16);

Deno.test("a local time of New York becomes UTC by the clock of its season", () => {
  const zone = createZone("America/New_York");
  assertEquals(iso(zone.toUtc(at("2024-01-02T09:30"))), "2024-01-02T14:30");
  assertEquals(iso(zone.toUtc(at("2024-07-02T09:30"))), "2024-07-02T13:30");
  assertEquals(iso(zone.toUtc(at("2024-03-10T01:59"))), "2024-03-10T06:59");
  assertEquals(iso(zone.toUtc(at("2024-03-10T03:00"))), "2024-03-10T07:00");
  assertEquals(iso(zone.toUtc(at("2024-12-31T23:59"))), "2025-01-01T04:59");
});

Deno.test("a time that the clocks skip, or show twice, is refused, and the reason names the zone", () => {
  const zone = createZone("America/New_York");
  for (const [text, reason] of [["2024-03-10T02:30", "does not exist"], ["2024-11-03T01:30", "exists twice"]]) {
    assertEquals(iso(zone.toUtc(at(text))), "none");
    assertEquals(zone.explain(at(text))?.startsWith(`${reason} in America/New_York`), true);
  }
  assertEquals(zone.explain(at("2024-03-10T03:30")), undefined);
});

Deno.test("--ambiguous takes the earlier or the later of two instants, also around a gap", () => {
  const [earlier, later] = [createZone("Europe/Berlin", "earlier"), createZone("Europe/Berlin", "later")];
  assertEquals(iso(earlier.toUtc(at("2024-10-27T02:30"))), "2024-10-27T00:30");
  assertEquals(iso(later.toUtc(at("2024-10-27T02:30"))), "2024-10-27T01:30");
  assertEquals(iso(earlier.toUtc(at("2024-03-31T02:30"))), "2024-03-31T00:30");
  assertEquals(iso(later.toUtc(at("2024-03-31T02:30"))), "2024-03-31T01:30");
});

Deno.test("each hour of three years in zones with odd clocks goes to UTC as Intl shows it", () => {
  for (
    const name of ["America/New_York", "Europe/Warsaw", "Australia/Lord_Howe", "Asia/Kolkata", "Africa/Casablanca"]
  ) {
    const zone = createZone(name);
    const format = new Intl.DateTimeFormat("sv-SE", { timeZone: name, dateStyle: "short", timeStyle: "medium" });
    for (let utc = Date.UTC(2022, 11, 30); utc < Date.UTC(2025, 0, 2); utc += 3 * 3600_000) {
      const wall = at(format.format(utc).replace(" ", "T"));
      const read = zone.toUtc(wall);
      if (!Number.isNaN(read)) assertEquals(read, utc, `${name} ${format.format(utc)}`);
      else assertEquals(zone.explain(wall)?.includes("exists twice"), true);
    }
  }
});

Deno.test("a zone is an offset, a name, or a name that a broker's server is ahead of; an abbreviation is refused", () => {
  assertEquals(iso(createZone("-05:00").toUtc(at("2024-07-01T00:00"))), "2024-07-01T05:00");
  assertEquals(iso(createZone("UTC").toUtc(at("2024-07-01T00:00"))), "2024-07-01T00:00");
  const broker = createZone("America/New_York+7");
  assertEquals(iso(broker.toUtc(at("2024-07-01T00:00"))), "2024-06-30T21:00");
  assertEquals(iso(broker.toUtc(at("2024-01-10T00:00"))), "2024-01-09T22:00");
  for (const name of ["EST", "Mars/Olympus", "", "New York"]) assertThrows(() => createZone(name), RangeError);
});
