/**
 * A real Prometheus with the configuration and the rules of `deploy/`, quickened.
 *
 * @module
 */
import { fromFileUrl, join } from "@std/path";
import { delay } from "@std/async/delay";

const deploy = fromFileUrl(new URL("../../deploy/prometheus/", import.meta.url));

/** Why there is no Prometheus; `undefined` where there is one. */
export async function missingPrometheus(): Promise<string | undefined> {
  try {
    const { success } = await new Deno.Command("prometheus", { args: ["--version"], stdout: "null", stderr: "null" })
      .output();
    return success ? undefined : "prometheus fails";
  } catch {
    return "prometheus is not installed";
  }
}

/** A sample of an answer: its labels and its value. */
export interface PromSample {
  readonly metric: Record<string, string>;
  readonly value: [number, string];
}

/** A Prometheus that scrapes one target each second. */
export interface TestPrometheus extends AsyncDisposable {
  /** Evaluates an expression. */
  query(expr: string): Promise<PromSample[]>;
  /** Any page of its API, as JSON. */
  // deno-lint-ignore no-explicit-any
  get(path: string): Promise<any>;
}

/** Starts it; `target` is `host:port`. */
export async function startPrometheus(target: string): Promise<TestPrometheus> {
  const directory = await Deno.makeTempDir({ prefix: "barline-prometheus-" });
  const config = await Deno.readTextFile(join(deploy, "prometheus.yml"));
  await Deno.writeTextFile(
    join(directory, "prometheus.yml"),
    config.replaceAll(/_interval: 15s/g, "_interval: 1s").replaceAll("barline:9000", target),
  );
  await Deno.copyFile(join(deploy, "rules.yml"), join(directory, "rules.yml"));
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const child = new Deno.Command("prometheus", {
    args: [
      `--config.file=${join(directory, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--log.level=error",
    ],
    stdout: "null",
    stderr: "null",
  }).spawn();

  async function get(path: string) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    if (!response.ok) throw new Error(`Prometheus answers ${response.status} to ${path}: ${await response.text()}`);
    return (await response.json()).data;
  }
  while (
    !await fetch(`http://127.0.0.1:${port}/-/ready`).then(async (response) => {
      await response.body?.cancel();
      return response.ok;
    }, () => false)
  ) await delay(50);

  return {
    get,
    query: async (expr) => (await get(`/api/v1/query?query=${encodeURIComponent(expr)}`)).result,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await child.status;
      await Deno.remove(directory, { recursive: true });
    },
  };
}
