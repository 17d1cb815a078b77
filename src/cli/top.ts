/** `barline top`. @module */
import type { Overview } from "../telemetry/overview.ts";
import { describeError } from "../telemetry/log.ts";
import { EXIT, type Invocation, UsageError } from "./command.ts";
import { drawOverview } from "./top_screen.ts";

const ALTERNATE_SCREEN = "\x1b[?1049h\x1b[?25l";
const NORMAL_SCREEN = "\x1b[?25h\x1b[?1049l";
const HOME = "\x1b[H";
const CLEAR_REST_OF_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";
/** Bytes of q and Ctrl-C, which sends no signal in raw mode. */
const QUIT = [0x71, 0x51, 0x03];
const EVERY_MS = 1000;
const TIMEOUT_MS = 3000;

/** Shows a running instance in the terminal. */
export async function run({ flags }: Invocation): Promise<number> {
  const url = String(flags.get("url") ?? "http://127.0.0.1:9000").replace(/\/+$/, "");
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? "")) {
    throw new UsageError(`Cannot use --url "${url}": expected an address like http://127.0.0.1:9000`);
  }
  const tenant = flags.get("tenant");
  const page = `${url}/api/overview${tenant === undefined ? "" : `?tenant=${encodeURIComponent(String(tenant))}`}`;
  const style = { color: !Deno.noColor && Deno.stdout.isTerminal() };
  if (flags.has("once") || !Deno.stdout.isTerminal() || !Deno.stdin.isTerminal()) {
    const columns = Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 100;
    console.log(drawOverview(await readOverview(page), { ...style, columns, rows: Infinity }).join("\n"));
    return EXIT.done;
  }
  await watch(page, style);
  return EXIT.done;
}

/** Requests the overview of the instance, with `BARLINE_HTTP_TOKEN` if it is set. */
async function readOverview(page: string): Promise<Overview> {
  const token = Deno.env.get("BARLINE_HTTP_TOKEN");
  let response: Response;
  try {
    response = await fetch(page, {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      // The token is sent to this host alone.
      redirect: "error",
    });
  } catch (cause) {
    throw new Error(`Cannot reach ${page}: is barline running there? Name another with --url`, { cause });
  }
  if (response.ok) return await response.json();
  await response.body?.cancel();
  throw new Error(
    response.status === 401
      ? `Cannot read ${page}: set BARLINE_HTTP_TOKEN to its token`
      : `Cannot read ${page}: it answers ${response.status}, is that barline?`,
  );
}

/** Draws repeatedly until a key ends it. The terminal is restored in any case. */
async function watch(page: string, style: { color: boolean }): Promise<void> {
  const encoder = new TextEncoder();
  const write = (text: string) => Deno.stdout.writeSync(encoder.encode(text));
  const quit = Promise.withResolvers<void>();
  let latest: Overview | undefined;
  let problem = "";

  function draw(): void {
    const size = Deno.consoleSize();
    const lines = latest === undefined ? [] : drawOverview(latest, { ...style, ...size, problem, hint: "q quits" });
    const shown = lines.length > 0 ? lines : [problem || `Asking ${page}`].map((line) => line.slice(0, size.columns));
    write(HOME + shown.map((line) => line + CLEAR_REST_OF_LINE).join("\r\n") + CLEAR_BELOW);
  }
  async function refresh(): Promise<void> {
    try {
      latest = await readOverview(page);
      problem = "";
    } catch (error) {
      problem = describeError(error);
    }
    draw();
  }
  async function readKeys(): Promise<void> {
    const keys = new Uint8Array(16);
    for (let count = await Deno.stdin.read(keys); count !== null; count = await Deno.stdin.read(keys)) {
      if (keys.subarray(0, count).some((key) => QUIT.includes(key))) break;
    }
    quit.resolve();
  }

  const signals: Deno.Signal[] = Deno.build.os === "windows" ? ["SIGINT"] : ["SIGINT", "SIGTERM"];
  const hear = () => quit.resolve();
  let isBusy = false;
  const timer = setInterval(() => {
    if (isBusy) return;
    isBusy = true;
    refresh().finally(() => isBusy = false);
  }, EVERY_MS);
  write(ALTERNATE_SCREEN);
  try {
    Deno.stdin.setRaw(true);
    for (const signal of signals) Deno.addSignalListener(signal, hear);
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGWINCH", draw);
    refresh();
    readKeys().catch(quit.resolve);
    await quit.promise;
  } finally {
    clearInterval(timer);
    for (const signal of signals) Deno.removeSignalListener(signal, hear);
    if (Deno.build.os !== "windows") Deno.removeSignalListener("SIGWINCH", draw);
    Deno.stdin.setRaw(false);
    write(NORMAL_SCREEN);
  }
}
