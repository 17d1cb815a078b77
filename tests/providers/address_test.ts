import { assertEquals } from "@std/assert";
import { readAddress } from "../../src/providers/live/address.ts";
import type { SettingError } from "../../src/providers/provider.ts";

function read(text: string, standard: string, added?: RegExp): string {
  const problems: SettingError[] = [];
  const address = readAddress(() => text, "SOME_URL", standard, problems, added);
  return problems.length > 0 ? problems[0].message : address;
}

Deno.test("an address may end with slashes, and without a path it has the standard one", () => {
  const standard = "wss://stream.example/stocks";
  assertEquals(read("ws://127.0.0.1:8080", standard), "ws://127.0.0.1:8080/stocks");
  assertEquals(read(" ws://127.0.0.1:8080// ", standard), "ws://127.0.0.1:8080/stocks");
  assertEquals(read("ws://127.0.0.1:8080/own/", standard), "ws://127.0.0.1:8080/own");
  assertEquals(read("wss://127.0.0.1", standard), "wss://127.0.0.1/stocks");
});

Deno.test("what is added to an address may be there already", () => {
  const standard = "https://api.example";
  const added = /\/0(\/public)?$/;
  for (const text of ["http://[::1]:1", "http://[::1]:1/", "http://[::1]:1/0", "http://[::1]:1/0/public/"]) {
    assertEquals(read(text, standard, added), "http://[::1]:1");
  }
  assertEquals(read("http://proxy/kraken/0", standard, added), "http://proxy/kraken");
});

Deno.test("what is no such address is told, but no password", () => {
  assertEquals(
    read("ws://127.0.0.1", "https://a.example"),
    'current value is "ws://127.0.0.1", wanted is an address like https://a.example',
  );
  assertEquals(
    read("http://me:secret@host", "https://a.example"),
    "current value (not shown), wanted is an address like https://a.example",
  );
});
