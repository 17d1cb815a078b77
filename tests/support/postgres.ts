/**
 * A real PostgreSQL for tests: started from the machine's own binaries, or the one that `TEST_DATABASE_URL` names.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { dirname, join } from "@std/path";
// @ts-types="@types/pg"
import { Client } from "pg";

/** A server for tests. */
export interface TestServer extends AsyncDisposable {
  /** URL of its own database, as superuser. */
  readonly url: string;
  /** URL of a new, empty database. */
  createDatabase(): Promise<string>;
  /** Runs one statement as superuser, in the database of `url` or the server's own. */
  query(sql: string, url?: string): Promise<Record<string, unknown>[]>;
  /** Controls of the server's process; `undefined` for a server that somebody else runs. */
  readonly control?: {
    readonly port: number;
    /** Process id of the one that starts the others. */
    readonly pid: number;
    stop(mode: "fast" | "immediate"): Promise<void>;
    start(): Promise<void>;
    /** Makes every process of the server hang, or go on. */
    signal(signal: "SIGSTOP" | "SIGCONT"): Promise<void>;
  };
}

/** Why there is no server, or `undefined` where one can be had. */
export function missingServer(): string | undefined {
  return Deno.env.has("TEST_DATABASE_URL") || findBinaries() !== undefined
    ? undefined
    : "neither TEST_DATABASE_URL nor PostgreSQL's initdb is there";
}

/** Needs of a test beyond a server. */
export interface ServerNeeds {
  /** A program of the server's package: some packages hold the server alone. */
  readonly program?: string;
  /** The first major version that has what is tested. */
  readonly version?: number;
}

/** Where the programs of a server lie that the tests start; `undefined` where they start none. */
function ownPrograms(): string | undefined {
  const binaries = Deno.env.has("TEST_DATABASE_URL") ? undefined : findBinaries();
  return binaries === undefined ? undefined : dirname(Deno.realPathSync(join(binaries, "pg_ctl")));
}

/** Why a needed program is not there; `undefined` where it is, or none is needed. */
export function missingProgram({ program }: ServerNeeds): string | undefined {
  const directory = ownPrograms();
  if (program === undefined || directory === undefined || isThere(join(directory, program))) return undefined;
  return `the server's package has no ${program}`;
}

/** Why the server is too old; `undefined` where it is not, or any will do. */
export function olderThan({ version }: ServerNeeds): string | undefined {
  const directory = ownPrograms();
  if (version === undefined || directory === undefined) return undefined;
  const { stdout } = new Deno.Command(join(directory, "postgres"), { args: ["--version"] }).outputSync();
  const found = Number(/\d+/.exec(new TextDecoder().decode(stdout))?.[0]);
  return found >= version ? undefined : `the server is PostgreSQL ${found}, this needs ${version}`;
}

/** Starts a server, or connects to the given one. `settings` are lines of postgresql.conf. */
export async function startPostgres(settings: readonly string[] = []): Promise<TestServer> {
  const given = Deno.env.get("TEST_DATABASE_URL");
  if (given !== undefined) return { ...createQueries(given), async [Symbol.asyncDispose]() {} };
  if (findBinaries() === undefined) {
    throw new Error("Cannot start PostgreSQL: initdb is not there, set TEST_DATABASE_URL");
  }
  const isDurable = settings.includes("fsync = on");
  const directory = await makeServerDirectory(isDurable ? undefined : memoryDirectory());
  const data = join(directory, "data");
  const execute = (program: string, ...args: string[]) => runServerProgram(directory, program, ...args);
  await makeCluster(directory, data);
  const port = freePort();
  const lines = [`port = ${port}`, "listen_addresses = '127.0.0.1'", `unix_socket_directories = '${directory}'`];
  await Deno.writeTextFile(
    join(data, "postgresql.conf"),
    [...lines, "fsync = off", ...settings, ""].join("\n"),
    { append: true },
  );
  const log = join(directory, "log");
  const start = () => execute("pg_ctl", "-D", data, "-l", log, "-w", "-s", "start");
  const stop = (mode: string) => execute("pg_ctl", "-D", data, "-m", mode, "-w", "-s", "stop");
  const postmaster = () => Number(Deno.readTextFileSync(join(data, "postmaster.pid")).split("\n")[0]);
  await start();
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  let running = true;
  return {
    ...createQueries(url),
    control: {
      port,
      get pid() {
        return postmaster();
      },
      async stop(mode) {
        await stop(mode);
        running = false;
      },
      async start() {
        await start();
        running = true;
      },
      signal(signal) {
        const first = postmaster();
        // First the one that starts the others.
        Deno.kill(first, signal);
        for (const pid of childrenOf(first)) {
          try {
            Deno.kill(pid, signal);
          } catch (error) {
            // It may have ended meanwhile.
            if (!(error instanceof Deno.errors.NotFound)) throw error;
          }
        }
        return Promise.resolve();
      },
    },
    async [Symbol.asyncDispose]() {
      if (running) await stop("immediate");
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** Environment variable that names a cluster which was never started; servers of tests are copies of it. */
export const TEMPLATE_VARIABLE = "TEST_CLUSTER_TEMPLATE";

/** Makes a cluster at `data`: a copy of the one that {@linkcode TEMPLATE_VARIABLE} names, or a new one. */
export async function makeCluster(directory: string, data: string): Promise<void> {
  const template = Deno.env.get(TEMPLATE_VARIABLE);
  if (template === undefined) {
    const args = ["-D", data, "-U", "postgres", "--auth=trust", "-E", "UTF8", "--no-sync"];
    return await runServerProgram(directory, "initdb", ...args);
  }
  const { success, stderr } = await new Deno.Command("cp", { args: ["-a", template, data], stderr: "piped" }).output();
  if (!success) throw new Error(`Cannot copy the cluster: ${new TextDecoder().decode(stderr)}`);
}

/** Makes a cluster for {@linkcode TEMPLATE_VARIABLE}. */
export async function makeTemplate(): Promise<{ path: string } & AsyncDisposable> {
  const directory = await makeServerDirectory(memoryDirectory());
  const path = join(directory, "template");
  await makeCluster(directory, path);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }) };
}

/** Bytes that a file of tests may need. */
const MEMORY_BYTES = 2 * 2 ** 30;

/**
 * A directory for servers: beside the template, or in memory where there is room, else `undefined`. A cluster is a thousand
 * files, and each database hundreds: on a disk most of a test's time goes into making them.
 */
export function memoryDirectory(): string | undefined {
  const template = Deno.env.get(TEMPLATE_VARIABLE);
  if (template !== undefined) return dirname(template);
  const path = "/dev/shm";
  try {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize >= MEMORY_BYTES ? path : undefined;
  } catch {
    return undefined;
  }
}

/** Makes a directory that belongs to the user whom the server runs as. */
export async function makeServerDirectory(dir?: string): Promise<string> {
  const directory = await Deno.makeTempDir({ prefix: "barline-test-pg-", dir });
  const owner = serverUser();
  if (owner !== undefined) await Deno.chown(directory, owner.uid, owner.gid);
  return directory;
}

/** Runs a program of the server, in a directory of its owner. */
export async function runServerProgram(directory: string, program: string, ...args: string[]): Promise<void> {
  // Where one of them really lies the others do, too.
  const binaries = dirname(await Deno.realPath(join(findBinaries()!, "pg_ctl")));
  const { success, stderr, stdout } = await new Deno.Command(join(binaries, program), {
    args,
    cwd: directory,
    ...serverUser(),
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`${program} failed: ${text.decode(stderr)}${text.decode(stdout)}`);
}

/** Statements over one connection, which is made when it is first needed and again when it has broken. */
export interface KeptConnection extends AsyncDisposable {
  query(sql: string): Promise<Record<string, unknown>[]>;
}

/**
 * Keeps a connection to a database, for tests that look at it again and again: a connection for each look costs both sides
 * ten times what the statement does. A statement that finds the connection busy, or broken, has one of its own.
 */
export function keepConnection(url: string): KeptConnection {
  let kept: Client | undefined;
  let isBusy = false;
  const queryOnce = createQueries(url).query;

  async function connect(): Promise<Client> {
    const client = new Client({ connectionString: url });
    client.on("error", () => {
      if (kept === client) kept = undefined;
    });
    await client.connect();
    return client;
  }

  return {
    async query(sql) {
      if (isBusy) return await queryOnce(sql);
      isBusy = true;
      try {
        kept ??= await connect();
        return (await kept.query(sql)).rows;
      } catch (error) {
        // A statement that failed tells nothing about the connection: the next one has another.
        const broken = kept;
        kept = undefined;
        await broken?.end().catch(() => {});
        throw error;
      } finally {
        isBusy = false;
      }
    },
    async [Symbol.asyncDispose]() {
      await kept?.end().catch(() => {});
    },
  };
}

function createQueries(serverUrl: string): Pick<TestServer, "url" | "createDatabase" | "query"> {
  async function query(sql: string, url = serverUrl): Promise<Record<string, unknown>[]> {
    const client = new Client({ connectionString: url });
    await client.connect();
    try {
      return (await client.query(sql)).rows;
    } finally {
      await client.end();
    }
  }
  return {
    url: serverUrl,
    query,
    async createDatabase() {
      const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
      await query(`CREATE DATABASE ${name}`);
      const url = new URL(serverUrl);
      url.pathname = `/${name}`;
      return url.href;
    },
  };
}

/** Directory of the server's programs. */
function findBinaries(): string | undefined {
  const candidates = (Deno.env.get("PATH") ?? "").split(":");
  try {
    const versions = [...Deno.readDirSync("/usr/lib/postgresql")].map(({ name }) => name).sort((a, b) => +b - +a);
    candidates.push(...versions.map((version) => `/usr/lib/postgresql/${version}/bin`));
  } catch {
    // Not Debian's layout.
  }
  return candidates.find((directory) => isThere(join(directory, "initdb")) && isThere(join(directory, "pg_ctl")));
}

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** PostgreSQL and the like refuse to run as root: then they run as the user of its package. */
export function serverUser(): { uid: number; gid: number } | undefined {
  if (Deno.uid() !== 0) return undefined;
  for (const line of Deno.readTextFileSync("/etc/passwd").split("\n")) {
    const [name, , uid, gid] = line.split(":");
    if (name === "postgres") return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error('Cannot start PostgreSQL as root: there is no user "postgres" to run it as');
}

function childrenOf(parent: number): number[] {
  const children: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${name}/stat`);
      if (Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]) === parent) children.push(Number(name));
    } catch {
      // Ended meanwhile.
    }
  }
  return children;
}

/** A port of the loopback interface that nobody listens on. */
export function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
