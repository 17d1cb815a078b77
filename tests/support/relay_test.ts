import { assertEquals } from "@std/assert";
import { deadline } from "@std/async/deadline";
import { startRelay } from "./relay.ts";

Deno.test("a relay that is frozen twice ends all the same", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const relay = startRelay((listener.addr as Deno.NetAddr).port);
  const [client, server] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port: relay.port }),
    listener.accept(),
  ]);
  await client.write(new Uint8Array([1]));
  assertEquals(await server.read(new Uint8Array(1)), 1);
  relay.freeze();
  await client.write(new Uint8Array([2]));
  // What was sent has to reach the relay before it is frozen again.
  await new Promise((resolve) => setTimeout(resolve, 50));
  relay.freeze();
  await deadline(relay[Symbol.asyncDispose](), 5000);
  for (const each of [client, server, listener]) each.close();
});
