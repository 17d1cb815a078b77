import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { delay } from "@std/async/delay";
import { fromFileUrl } from "@std/path";
import { describeSync } from "../../src/cli/doctor/nats.ts";
import { openNats } from "../../src/nats/connection.ts";
import { manageStreams } from "../../src/nats/stream.ts";
import { missingNats, natsCanSync, natsSettings, startNats } from "../support/nats.ts";
import { freePort, missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace, startSharedServer } from "../support/workspace.ts";

const server = await startSharedServer();
const file = (name: string) => fromFileUrl(new URL(`../../deploy/nats/${name}`, import.meta.url));

testWhere(
  missingNats() ?? missingServer(),
  "an edge's own server, mirrored into the hub's, rides out the hub's absence",
  async () => {
    await using work = await openWorkspace(server);
    const leafPort = freePort();
    const env = { NATS_HOST: "127.0.0.1", NATS_PASSWORD: "for-barline", NATS_LEAF_PASSWORD: "for-edges" };
    await using hub = await startNats({
      file: file("hub.conf"),
      env: { ...env, NATS_NAME: "hub", NATS_LEAF_PORT: String(leafPort) },
    });
    await using edge = await startNats({
      file: file("edge.conf"),
      env: { ...env, NATS_NAME: "edge-1", NATS_HUB: `nats-leaf://edge:for-edges@127.0.0.1:${leafPort}` },
    });
    const hubUrl = hub.url.replace("://", "://barline@");
    const atHub = ["--nats-url", hubUrl];
    const atEdge = ["--sink", "nats", "--nats-url", edge.url];
    const password = { env: { NATS_PASSWORD: "for-barline" } };
    for (
      const [args, options] of [
        [[...atEdge, "--nats-retention", "limits", "--nats-max-age", "86400"], {}],
        [["--sink", "nats", ...atHub, "--nats-sources", "edge-1"], password],
      ] as const
    ) {
      const { code, stdout, stderr } = await work.run(["migrate", ...args], options);
      assertEquals([code, stdout.includes("created")], [0, true], stderr);
    }

    const worker = work.startIngest(["--provider", "nats", ...atHub], { ...password, endless: true });
    await worker.line(/Feed nats is live/);
    const publish = async (count: number) => {
      const args = ["--provider", "mock", "--speed", "max", "--limit", String(count), ...atEdge];
      const { code, json, stderr } = await work.ingest([...args, "--data-dir", `${work.dataDir}-edge`]);
      assertEquals([code, json.stored], [0, count], stderr);
    };
    await publish(5000);
    while (await work.count() < 5000) await delay(20);
    await hub.stop();
    // The mock begins anew: half of it is there already.
    await publish(10_000);
    await hub.start();
    while (await work.count() < 10_000) await delay(20);
    // What the edge's stream keeps went over as one message each.
    await using look = openNats(natsSettings(hubUrl, { natsPassword: "for-barline" }), "test");
    await using lookAtEdge = openNats(natsSettings(edge.url), "test");
    const { state } = await (await manageStreams(look)).streams.info("BARLINE");
    const { state: kept } = await (await manageStreams(lookAtEdge)).streams.info("BARLINE");
    assertEquals(state.last_seq, kept.messages);
    worker.kill("SIGTERM");
    const { code, json } = await worker.ended;
    assertEquals([code, json.inFlight, json.deadLettered], [0, 0, 0]);
    assertEquals(await work.count(), 10_000);
  },
);

const tooOld = missingNats() ?? (await natsCanSync() ? undefined : "nats-server before 2.10.23 refuses sync_interval");
const unlessOld = (name: string, fn: () => Promise<void>) =>
  missingNats() === undefined && tooOld !== undefined
    ? Deno.test({ name: `${name} (skipped: ${tooOld})`, ignore: true, fn })
    : testWhere(tooOld, name, fn);

for (const name of ["hub.conf", "edge.conf"]) {
  unlessOld(`nats-server finds ${name} sound, and it acknowledges what is on disk`, async () => {
    const { success, stderr } = await new Deno.Command("nats-server", {
      args: ["-t", "-c", file(name)],
      env: {
        ...{ NATS_NAME: "a", NATS_HOST: "127.0.0.1", NATS_PORT: "4222", NATS_STORE: "/tmp/store" },
        ...{
          NATS_LEAF_PORT: "7422",
          NATS_PASSWORD: "p",
          NATS_LEAF_PASSWORD: "l",
          NATS_HUB: "nats-leaf://127.0.0.1:7422",
        },
      },
    }).output();
    assertEquals(success, true, new TextDecoder().decode(stderr));
    assertMatch(await Deno.readTextFile(file(name)), /^ {2}sync_interval: always$/m);
  });
}

Deno.test("doctor warns of a nats-server that cannot sync before it acknowledges", () => {
  for (const version of ["2.9.10", "2.10.22", "1.99.99"]) assertStringIncludes(describeSync(version), "loses what it");
  for (const version of ["2.10.23", "2.11.0", "2.14.5", "3.0.0-beta"]) {
    assertStringIncludes(describeSync(version), "if its sync_interval is always");
  }
});
