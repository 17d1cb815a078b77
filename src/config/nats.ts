/**
 * The options of NATS: its address, the credentials, and the stream with its consumers.
 *
 * @module
 */
import { z } from "zod";
import { choice, option, positive, seconds, text } from "./option.ts";

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const name = (help: string, value: string) =>
  option(z.string().regex(NAME).default(value), {
    expected: "up to 64 letters, digits, - and _",
    help,
    value: "NAME",
  });
const path = (help: string, variable: string) =>
  text({ expected: "the path of a file", help, value: "PATH", env: [variable] }).optional();

/** The options of NATS in the schema of the configuration. */
export const natsOptions = {
  natsUrl: option(z.array(z.string().refine(isNatsUrl)).min(1), {
    expected: "addresses like nats://host:4222 or tls://host:4222, separated by commas",
    help: "connect to these NATS servers, all of one cluster; tls:// requires TLS",
    value: "URL",
    env: ["NATS_URL"],
    secret: (value) => (value as string[]).map(redactNatsUrl).join(","),
  }).default(["nats://127.0.0.1:4222"]),
  natsUser: text({ expected: "a name", help: "user name at NATS [that of the URL]", value: "NAME", env: ["NATS_USER"] })
    .optional(),
  natsPassword: text({
    expected: "text",
    help: "password of that user; prefer the environment, as others can see the command line",
    value: "TEXT",
    env: ["NATS_PASSWORD"],
    secret: true,
  }).optional(),
  natsToken: text({
    expected: "text",
    help: "token for NATS; prefer the environment",
    value: "TEXT",
    env: ["NATS_TOKEN"],
    secret: true,
  }).optional(),
  natsNkey: text({
    expected: "the path of a file with the seed of an nkey, or the seed",
    help: "file with the seed of an nkey; the environment variable may hold the seed itself",
    value: "PATH",
    env: ["NATS_NKEY"],
    secret: true,
  }).optional(),
  natsCreds: path("file with a JWT and its seed, as nsc writes it", "NATS_CREDS"),
  natsTlsCa: path("certificate authority of NATS [the system's]", "NATS_CA"),
  natsTlsCert: path("client certificate for NATS", "NATS_CERT"),
  natsTlsKey: path("private key of the client certificate", "NATS_KEY"),
  natsStream: name("stream that takes barline.>", "BARLINE"),
  natsRetention: choice(
    ["workqueue", "limits"],
    "workqueue",
    "keep messages until they are stored, or all up to the stream's limits, as an edge with a mirrored stream needs",
  ),
  natsReplicas: positive("keep N copies of each message, each on a server of its own", 1, 5),
  natsMaxBytes: positive("let the stream grow to N bytes", 1024 ** 3, 2 ** 50),
  natsMaxAge: option(z.number().min(0).max(31_536_000).default(0), {
    expected: "seconds from 0 to 31536000",
    help: "drop messages of this age from the stream, stored or not; 0 keeps them",
    value: "SECONDS",
  }),
  natsDiscard: choice(["new", "old"], "new", "when the stream is full: refuse new messages, or drop the oldest"),
  natsDedupe: seconds("recognize a message that is sent twice within this time", 120),
  natsSources: option(z.array(z.string().regex(NAME)), {
    expected: "JetStream domains of letters, digits, - and _, separated by commas",
    help: "mirror the streams of these edge domains into this one [none]",
    value: "A,B",
  }).default([]),
  natsShards: positive("spread the symbols over N parts of the subject", 4, 256),
  natsConsumer: name("durable consumer that all workers of a hub share", "barline"),
  natsMaxAckPending: positive("have at most N messages in flight to all workers of a hub together", 512, 100_000),
  natsAckWait: option(z.number().min(1).max(3600).default(30), {
    expected: "seconds from 1 to 3600",
    help: "give a worker's messages to another this long after its last sign of life",
    value: "SECONDS",
  }),
};

/** Settings for using NATS. */
export type NatsSettings = z.infer<z.ZodObject<typeof natsOptions>>;

/** Names of the options. */
export const NATS_OPTIONS = Object.keys(natsOptions) as readonly (keyof NatsSettings)[];

/** Picks the settings of NATS. */
export function pickNats(settings: NatsSettings): NatsSettings {
  return Object.fromEntries(NATS_OPTIONS.map((each) => [each, settings[each]])) as NatsSettings;
}

/** Whether it is the address of a NATS server. */
function isNatsUrl(text: string): boolean {
  if (!/^(nats|tls):\/\/[^/?#]+\/?$/.test(text) || !URL.canParse(text)) return false;
  try {
    const { hostname, username, password } = new URL(text);
    return hostname !== "" && [username, password].every((each) => decodeURIComponent(each) !== undefined);
  } catch {
    // A % that begins no character.
    return false;
  }
}

/** The address of a NATS server without user, password and token. */
export function redactNatsUrl(text: string): string {
  if (!isNatsUrl(text)) return "(not shown)";
  const { protocol, host } = new URL(text);
  return `${protocol}//${host}`;
}
