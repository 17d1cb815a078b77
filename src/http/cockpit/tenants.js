/**
 * The tenants of a run, and which of them the page shows.
 *
 * @module
 */
import { tenant } from "./api.js";
import { count, h, pill, table } from "./dom.js";

const MOODS = { healthy: "good", degraded: "warn", unhealthy: "bad" };

/** The table of all tenants; a click on one shows it alone. */
export function tenantTable(tenants) {
  const row = ({ name, state, rate, latencyMs, received, queued, journaled, deadLettersWaiting, unaccounted }) => [
    h("a", { href: `?tenant=${encodeURIComponent(name)}` }, name),
    pill(state, MOODS[state] ?? ""),
    count(rate.received),
    count(rate.committed),
    `${count(latencyMs.p99)} ms`,
    count(received),
    count(queued),
    count(journaled),
    count(deadLettersWaiting),
    unaccounted === 0 ? pill("balances", "good") : pill(`${count(unaccounted)} unaccounted for`, "bad"),
  ];
  return table(
    "Tenants",
    ["Tenant", "State", "In/s#", "Committed/s#", "p99#", "Records#", "Queued#", "Journaled#", "Letters#", "Ledger"],
    tenants.map(row),
    "There are none",
  );
}

/** Says whose page it is, with the way back to all. */
export function showTenant({ tenant: shown, tenants }) {
  const place = document.getElementById("tenant");
  place.hidden = tenant === "" && (tenants === undefined && (shown ?? "default") === "default");
  const words = tenants === undefined ? `Tenant ${shown}` : `${tenants.length} tenants`;
  if (place.dataset.shown === words) return;
  place.dataset.shown = words;
  place.replaceChildren(words, tenant === "" ? "" : " ", tenant === "" ? "" : h("a", { href: "/" }, "all tenants"));
}
