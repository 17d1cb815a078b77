/**
 * The address of the HTTP interface, and its exposure.
 *
 * @module
 */
import type { CheckedConfig } from "../config/load.ts";
import type { ConfigProblem } from "../config/problem.ts";

/** Variable with the token for changes. */
export const TOKEN_VARIABLE = "BARLINE_HTTP_TOKEN";

/**
 * Shortest token, in characters: a right one is admitted after any number of wrong ones, so it must not be guessable.
 */
const MIN_TOKEN_LENGTH = 16;

/** Reads `host:port`; an IPv6 host is in brackets. */
export function parseAddress(address: string): { hostname: string; port: number } {
  const colon = address.lastIndexOf(":");
  return {
    hostname: address.slice(0, colon).replace(/^\[(.*)\]$/, "$1"),
    port: Number(address.slice(colon + 1)),
  };
}

/** Whether a host is this machine alone: `localhost`, 127.0.0.0/8 or ::1. Other names may lead anywhere. */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(\.\d{1,3}){3}$/.test(hostname);
}

/** Finds addresses that others can reach without a token, and tokens that are too short or shared. */
export function checkExposure({ settings, sources, variable, tenants }: CheckedConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const own = variable(TOKEN_VARIABLE)?.trim() ?? "";
  const tokens = [
    { key: TOKEN_VARIABLE, token: own },
    ...tenants.map(({ settings: { tenant }, httpToken = "" }) => ({
      key: `tenants.${tenant}.httpToken`,
      token: httpToken.trim(),
    })),
  ];
  for (const { key, token } of settings.http === "off" ? [] : tokens) {
    if (token === "" || token.length >= MIN_TOKEN_LENGTH) continue;
    const message = `the token has ${token.length} characters, expected at least ${MIN_TOKEN_LENGTH}: ` +
      "make one with openssl rand -hex 32";
    problems.push({ key, source: "environment", message });
  }
  const owners = new Map([[own, TOKEN_VARIABLE]]);
  for (const { settings: { tenant }, httpToken } of tenants) {
    if (httpToken === undefined) continue;
    const owner = owners.get(httpToken);
    const message = `the token is that of ${owner} too, expected one of its own`;
    if (owner !== undefined) problems.push({ key: `tenants.${tenant}.httpToken`, source: "environment", message });
    owners.set(httpToken, `tenant ${tenant}`);
  }
  if (settings.http === "off" || isLoopback(parseAddress(settings.http).hostname)) return problems;
  if (own !== "") return problems;
  problems.push({
    key: "http",
    source: sources.get("http")!,
    message: `current value is ${JSON.stringify(settings.http)}, which others can reach: ` +
      `set ${TOKEN_VARIABLE} to a long random text, or listen on 127.0.0.1`,
  });
  return problems;
}
