import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { fromFileUrl, join } from "@std/path";
import { parse as parseYaml } from "yaml";
import { startFakeKraken } from "../support/fake_kraken.ts";
import { missingServer, startPostgres } from "../support/postgres.ts";
import { addressOf } from "../support/process.ts";
import { missingPrometheus, startPrometheus } from "../support/prometheus.ts";
import { testWhere } from "../support/skip.ts";
import { openWorkspace } from "../support/workspace.ts";

const deploy = fromFileUrl(new URL("../../deploy/", import.meta.url));
const missing = await missingPrometheus();
/** In which every expression must have given data: scrapes come each second, rates need two. */
const DEADLINE_MS = 60_000;

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
}

async function readRules(): Promise<Rule[]> {
  const { groups } = parseYaml(await Deno.readTextFile(join(deploy, "prometheus/rules.yml")));
  return groups.flatMap(({ rules }: { rules: Rule[] }) => rules);
}

/** The expressions of all panels. */
async function readPanels(): Promise<{ title: string; expr: string }[]> {
  const panels: { title: string; expr: string }[] = [];
  for await (const { name } of Deno.readDir(join(deploy, "grafana/dashboards"))) {
    const dashboard = JSON.parse(await Deno.readTextFile(join(deploy, "grafana/dashboards", name)));
    for (const { title, targets } of dashboard.panels) {
      for (const { expr } of targets) panels.push({ title: `${name}: ${title}`, expr });
    }
  }
  return panels;
}

testWhere(
  missing,
  "promtool finds the configuration and the rules sound, and each alert fires when it should",
  async () => {
    for (
      const args of [
        ["check", "config", join(deploy, "prometheus/prometheus.yml")],
        ["check", "rules", join(deploy, "prometheus/rules.yml")],
        ["test", "rules", fromFileUrl(new URL("alerts.yml", import.meta.url))],
      ]
    ) {
      const { success, stdout, stderr } = await new Deno.Command("promtool", { args }).output();
      assert(success, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
    }
  },
);

Deno.test("every alert has a test, a severity, and its paragraph in the runbook", async () => {
  const runbook = await Deno.readTextFile(join(deploy, "../docs/runbook.md"));
  const tests = await Deno.readTextFile(fromFileUrl(new URL("alerts.yml", import.meta.url)));
  const alerts = (await readRules()).filter(({ alert }) => alert !== undefined) as (Rule & {
    alert: string;
    labels: { severity: string };
    annotations: { summary: string; runbook: string };
  })[];
  assert(alerts.length >= 11);
  for (const { alert, labels, annotations } of alerts) {
    assert(["warning", "critical"].includes(labels.severity), alert);
    assertEquals(annotations.runbook, `docs/runbook.md#${alert.toLowerCase()}`);
    assert(annotations.summary.length > 0);
    assert(runbook.includes(`\n## ${alert}\n`), `the runbook has no "## ${alert}"`);
    const judged = tests.split(`alertname: ${alert}\n`).slice(1).map((rest) =>
      rest.trimStart().startsWith("exp_alerts")
    );
    assertEquals([judged.includes(true), judged.includes(false)], [true, true], `${alert} fires and does not in tests`);
  }
});

testWhere(
  missing ?? missingServer() ?? (Deno.env.has("TEST_DATABASE_URL") ? "the given server cannot be stopped" : undefined),
  "each expression of each panel and alert gives data from a run with faults",
  async () => {
    await using own = await startPostgres();
    await using work = await openWorkspace(own);
    await using kraken = startFakeKraken(["BTC/USD"]);
    const start = Math.floor(Date.now() / 60_000) * 60_000 - 120_000;
    const bar = (minute: number) => ({
      symbol: "BTC/USD",
      ts: start + minute * 60_000,
      open: 1,
      high: 2,
      low: 1,
      close: 2,
      volume: 3,
      trades: 4,
    });
    kraken.history.push(bar(0), bar(1));
    const running = work.startIngest(
      [
        "--provider",
        "kraken",
        "--provider",
        "mock",
        "--symbols",
        "BTC/USD",
        "--http",
        "127.0.0.1:0",
        "--circuit-open-ms",
        "500",
      ],
      { env: kraken.variables },
    );
    const target = (await addressOf(running)).replace("http://", "");
    await using prometheus = await startPrometheus(target);

    // Faults: a bar that is none, a connection that is lost, a database that is away for a moment.
    const first = await kraken.connection();
    first.update(bar(0));
    first.raw('{"channel":"ohlc","type":"update","data":[{"symbol":"BTC/USD","open":"x"}]}');
    first.update(bar(1));
    first.close(1011);
    await own.control!.stop("immediate");
    await running.line(/circuit is open/);
    await own.control!.start();
    const second = await kraken.connection();
    second.update(bar(2));

    const expressions = [
      ...(await readPanels()).map(({ title, expr }) => ({
        name: title,
        expr: expr.replaceAll("$instance", target).replaceAll("$provider", "kraken").replaceAll("$tenant", ".*"),
      })),
      // A comparison leaves out what does not alarm: with `bool` it tells of that too.
      ...(await readRules()).map(({ alert, record, expr }) => ({
        name: alert ?? record!,
        expr: alert === undefined ? expr : expr.replaceAll(/ (==|!=|>=|<=|>|<) /g, " $1 bool "),
      })),
    ];
    let silent = expressions;
    for (const started = performance.now(); silent.length > 0 && performance.now() - started < DEADLINE_MS;) {
      const answers = await Promise.all(silent.map(({ expr }) => prometheus.query(expr)));
      silent = silent.filter((_, at) => answers[at].length === 0);
      // Prometheus looks once a second.
      if (silent.length > 0) await delay(500);
    }
    assertEquals(silent, []);
    const { groups } = await prometheus.get("/api/v1/rules");
    // deno-lint-ignore no-explicit-any
    const rules = groups.flatMap((group: any) => group.rules);
    // deno-lint-ignore no-explicit-any
    assertEquals(rules.filter(({ health }: any) => health !== "ok"), []);
    const [{ value: unaccounted }] = await prometheus.query("barline:records_unaccounted");
    assertEquals(unaccounted[1], "0");
    running.kill("SIGTERM");
    assertEquals((await running.ended).code, 0);
  },
);
