import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { nkeys } from "@nats-io/transport-node";
import { join } from "@std/path";
import type { NatsSettings } from "../../src/config/nats.ts";
import { connectNow, openNats } from "../../src/nats/connection.ts";
import { classifyNatsError } from "../../src/nats/faults.ts";
import { explainNatsError, openPreparedNats } from "../../src/nats/prepared.ts";
import { makeAuthority, makeCertificate, missingOpenssl } from "../support/certificates.ts";
import { missingNats, type NatsServer, natsSettings, startNats } from "../support/nats.ts";
import { makeAccounts } from "../support/nats_accounts.ts";
import { freePort } from "../support/postgres.ts";
import { startRelay } from "../support/relay.ts";
import { testWhere } from "../support/skip.ts";

const missing = missingNats();
const SECRET = "pa%ss:w@rd/of?tests,";

/** Enters a server, and uses JetStream there. */
async function enter(url: string, given: Partial<NatsSettings>): Promise<void> {
  await using _nats = await openPreparedNats(natsSettings(url, given), "test", () => false);
}

/** Tries to enter, and tells why it may not; the words have no secret in them. */
async function refused(url: string, given: Partial<NatsSettings>): Promise<string> {
  const { message } = await assertRejects(() => enter(url, given), Error);
  for (const secret of [SECRET, encodeURIComponent(SECRET), given.natsNkey]) {
    if (secret !== undefined) assert(!message.includes(secret), message);
  }
  return message;
}

const withUser = (url: string, ...parts: string[]) => {
  const userinfo = parts.map(encodeURIComponent).join(":");
  return url.replace("://", `://${userinfo}@`);
};
const REFUSED = "Authorization Violation";
const ADVICE = "Check user and password, token, nkey or credentials";

testWhere(missing, "user and password enter, from options and from the address; others do not", async () => {
  const config = `authorization { user: "me", password: ${JSON.stringify(SECRET)} }`;
  await using server = await startNats({ config });
  await enter(server.url, { natsUser: "me", natsPassword: SECRET });
  await enter(withUser(server.url, "me", SECRET), {});
  await enter(withUser(server.url, "me", "wrong"), { natsUser: "me", natsPassword: SECRET });
  await enter(withUser(server.url, "me"), { natsPassword: SECRET });
  for (
    const [url, given] of [
      [server.url, {}],
      [server.url, { natsUser: "me", natsPassword: `${SECRET}x` }],
      [withUser(server.url, "you", SECRET), {}],
    ] as const
  ) {
    const words = await refused(url, given);
    assertStringIncludes(words, REFUSED);
    assertStringIncludes(words, ADVICE);
    assertStringIncludes(words, `Cannot use NATS at ${server.url}`);
  }
});

testWhere(missing, "a token enters, from the option and from the address; another does not", async () => {
  await using server = await startNats({ config: `authorization { token: ${JSON.stringify(SECRET)} }` });
  await enter(server.url, { natsToken: SECRET });
  await enter(withUser(server.url, SECRET), {});
  assertStringIncludes(await refused(server.url, { natsToken: "x" }), REFUSED);
  assertStringIncludes(await refused(server.url, {}), REFUSED);
});

testWhere(missing, "an nkey enters, as a seed and from a file; another does not", async () => {
  const [known, unknown] = [nkeys.createUser(), nkeys.createUser()];
  const seedOf = (keys: typeof known) => new TextDecoder().decode(keys.getSeed());
  await using server = await startNats({ config: `authorization { users: [{ nkey: ${known.getPublicKey()} }] }` });
  const path = join(server.directory, "edge.nk");
  await Deno.writeTextFile(path, `# edge\n${seedOf(known)}\n`);
  await enter(server.url, { natsNkey: seedOf(known) });
  await enter(server.url, { natsNkey: path });
  assertStringIncludes(await refused(server.url, { natsNkey: seedOf(unknown) }), REFUSED);
  // A seed with a mistake is taken for a path, which must not be repeated either.
  assertStringIncludes(await refused(server.url, { natsNkey: seedOf(known).slice(0, -1) }), "Cannot read the file of");
  await Deno.writeTextFile(path, "nothing");
  assertStringIncludes(await refused(server.url, { natsNkey: path }), "holds no seed");
});

testWhere(missing, "credentials enter a server in operator mode; those of another operator do not", async () => {
  const [accounts, others] = [makeAccounts(), makeAccounts()];
  await using server = await startNats({ config: accounts.config });
  const path = join(server.directory, "edge.creds");
  await Deno.writeTextFile(path, accounts.creds);
  await enter(server.url, { natsCreds: path });
  await Deno.writeTextFile(path, others.creds);
  assertStringIncludes(await refused(server.url, { natsCreds: path }), REFUSED);
  assertStringIncludes(await refused(server.url, { natsCreds: join(server.directory, "none") }), "none");
});

testWhere(
  missing ?? missingOpenssl(),
  "TLS: who vouches for the server, and for the client, is looked at",
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "barline-test-" });
    try {
      for (const name of ["known", "unknown"]) await makeAuthority(directory, name);
      const sign = (name: string, names: string) => makeCertificate(directory, { name, authority: "known", names });
      await sign("server", "IP:127.0.0.1,DNS:localhost");
      await sign("elsewhere", "DNS:elsewhere.example");
      await sign("client", "DNS:edge");
      const at = (name: string) => join(directory, name);
      const tls = (name: string, more = "") =>
        `tls { cert_file: "${at(`${name}.crt`)}", key_file: "${at(`${name}.key`)}"${more} }`;
      const localhost = (server: NatsServer, scheme = "nats") => `${scheme}://localhost:${server.port}`;
      {
        await using server = await startNats({ config: tls("server") });
        await enter(localhost(server), { natsTlsCa: at("known.crt") });
        await enter(localhost(server, "tls"), { natsTlsCa: at("known.crt") });
        const words = await refused(localhost(server), { natsTlsCa: at("unknown.crt") });
        assertStringIncludes(words, "Name the authority that vouches for the server: --nats-tls-ca PATH");
        await refused(localhost(server), {});
        await refused(localhost(server), { natsTlsCa: at("nowhere.crt") });
      }
      {
        await using server = await startNats({ config: tls("elsewhere") });
        await refused(localhost(server), { natsTlsCa: at("known.crt") });
      }
      {
        const own = { natsTlsCert: at("client.crt"), natsTlsKey: at("client.key"), natsTlsCa: at("known.crt") };
        await using server = await startNats({
          config: tls("server", `, ca_file: "${at("known.crt")}", verify: true`),
        });
        await enter(localhost(server), own);
        await refused(localhost(server), { natsTlsCa: at("known.crt") });
      }
      // A server without TLS is not talked to in the clear where TLS is wanted.
      await using plain = await startNats();
      await refused(localhost(plain, "tls"), {});
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

testWhere(missing, "a user without a right is told which", async () => {
  const config = `authorization { users: [{ user: me, password: me, permissions: { publish: ["barline.>"] } }] }`;
  await using server = await startNats({ config });
  const words = await refused(withUser(server.url, "me", "me"), {});
  assertStringIncludes(words, "Grant the user the right to publish to $JS.API.STREAM.INFO.BARLINE");
});

testWhere(missing, "a server that is away is transient, and is found again by itself", async () => {
  const away = natsSettings(`nats://127.0.0.1:${freePort()}`);
  const error = await assertRejects(() => openNats(away, "test").connect(), Error);
  assertEquals(classifyNatsError(error), "transient");
  assertStringIncludes(explainNatsError("nats://x", error).message, "Start nats-server, or correct --nats-url");

  await using server = await startNats();
  await using relay = startRelay(server.port);
  await using nats = openNats(natsSettings(`nats://127.0.0.1:${relay.port}`), "test");
  const connection = await nats.connect();
  relay.cut();
  while (nats.isUp) await new Promise((resolve) => setTimeout(resolve, 1));
  assertEquals(classifyNatsError(await assertRejects(() => connectNow(nats))), "transient");
  while (!nats.isUp) await new Promise((resolve) => setTimeout(resolve, 10));
  assertEquals(await connectNow(nats), connection);
  await connection.flush();
});
