/**
 * A real nats-server for tests, on a free port.
 *
 * @module
 */
import { join } from "@std/path";
import { settingsSchema } from "../../src/config/options.ts";
import { type NatsSettings, pickNats } from "../../src/config/nats.ts";
import { describeSync } from "../../src/cli/doctor/nats.ts";
import { freePort } from "./postgres.ts";

/** A server of the test's own. */
export interface NatsServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** Process id of the server as it runs now. */
  readonly pid: number;
  /** A directory of its own, for keys and certificates. */
  readonly directory: string;
  /** Ends it: `SIGTERM` as an operator does, `SIGKILL` as a power cut. */
  stop(signal?: Deno.Signal): Promise<void>;
  /** Starts it again, on the same port and with the same streams. */
  start(): Promise<void>;
}

/** How to start a server. */
export interface NatsServerOptions {
  /** Address that it listens at, where `file` does not say. @default {"127.0.0.1"} */
  host?: string;
  /** Lines of its configuration; `$NATS_PORT` and `$NATS_STORE` are set. JetStream is on where they do not say otherwise. */
  config?: string;
  /** A configuration file instead. */
  file?: string;
  env?: Record<string, string>;
  directory?: string;
}

const PROGRAM = "nats-server";

/** Why there is no server, or `undefined` where one can be had. */
export function missingNats(): string | undefined {
  const path = `${Deno.env.get("PATH") ?? ""}:/usr/sbin`.split(":");
  const isThere = path.some((directory) => {
    try {
      return Deno.statSync(join(directory, PROGRAM)).isFile;
    } catch {
      return false;
    }
  });
  return isThere ? undefined : "nats-server is not there";
}

const PATH = `${Deno.env.get("PATH") ?? ""}:/usr/sbin`;

/** Whether the machine's server takes `sync_interval: always`, which those before 2.10.23 refuse. */
export async function natsCanSync(): Promise<boolean> {
  const { stdout } = await new Deno.Command(PROGRAM, { args: ["--version"], env: { PATH } }).output();
  const version = /v(\d+\.\d+\.\d+)/.exec(new TextDecoder().decode(stdout))![1];
  return !describeSync(version).includes("only nats-server");
}

/** Starts a server. */
export async function startNats(options: NatsServerOptions = {}): Promise<NatsServer> {
  const own = options.directory === undefined;
  const directory = options.directory ?? await Deno.makeTempDir({ prefix: "barline-test-nats-" });
  const port = freePort();
  const file = join(directory, "server.conf");
  if (options.file === undefined) {
    const { config = "", host = "127.0.0.1" } = options;
    const lines = [`host: ${host}`, "port: $NATS_PORT", config];
    if (!config.includes("jetstream")) lines.push("jetstream { store_dir: $NATS_STORE }");
    await Deno.writeTextFile(file, `${lines.join("\n")}\n`);
  } else {
    const text = await Deno.readTextFile(options.file);
    await Deno.writeTextFile(file, await natsCanSync() ? text : text.replace(/^ *sync_interval: always\n/m, ""));
  }
  const env = { NATS_PORT: String(port), NATS_STORE: join(directory, "store"), PATH, ...options.env };
  let child: Deno.ChildProcess;
  let output: Promise<void>;

  async function start(): Promise<void> {
    child = new Deno.Command(PROGRAM, { args: ["-c", file], env, stdout: "null", stderr: "piped" }).spawn();
    const ready = Promise.withResolvers<void>();
    output = read(child.stderr, (text) => {
      if (text.includes("Server is ready")) ready.resolve();
    }).then((text) => ready.reject(new Error(`nats-server has ended: ${text.slice(-2000)}`)));
    await ready.promise;
  }

  async function stop(signal: Deno.Signal = "SIGTERM"): Promise<void> {
    try {
      child.kill(signal);
    } catch {
      // It has ended.
    }
    await child.status;
    await output;
  }

  await start();
  return {
    url: `nats://127.0.0.1:${port}`,
    port,
    get pid() {
      return child.pid;
    },
    directory,
    start,
    stop,
    async [Symbol.asyncDispose]() {
      await stop("SIGKILL");
      if (own) await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Reads what a process says, and tells of all of it so far. */
async function read(stream: ReadableStream<Uint8Array<ArrayBuffer>>, emit: (text: string) => void): Promise<string> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    emit(text);
  }
  return text;
}

/** Settings as the defaults give them. */
export function natsSettings(url: string, given: Partial<NatsSettings> = {}): NatsSettings {
  return { ...pickNats(settingsSchema.parse({})), natsUrl: [url], ...given };
}
