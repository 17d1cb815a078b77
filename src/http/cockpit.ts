/**
 * The files of the cockpit, which are part of the program.
 *
 * @module
 */
import charts from "lightweight-charts" with { type: "text" };
import api from "./cockpit/api.js" with { type: "text" };
import canvas from "./cockpit/canvas.js" with { type: "text" };
import chartsOfPage from "./cockpit/charts.js" with { type: "text" };
import cluster from "./cockpit/cluster.js" with { type: "text" };
import cockpit from "./cockpit/cockpit.js" with { type: "text" };
import css from "./cockpit/cockpit.css" with { type: "text" };
import dom from "./cockpit/dom.js" with { type: "text" };
import flow from "./cockpit/flow.js" with { type: "text" };
import flowCss from "./cockpit/flow.css" with { type: "text" };
import html from "./cockpit/index.html" with { type: "text" };
import icon from "./cockpit/icon.svg" with { type: "text" };
import letters from "./cockpit/letters.js" with { type: "text" };
import overview from "./cockpit/overview.js" with { type: "text" };
import problems from "./cockpit/problems.js" with { type: "text" };
import serving from "./cockpit/serving.js" with { type: "text" };
import symbols from "./cockpit/symbols.js" with { type: "text" };
import tenants from "./cockpit/tenants.js" with { type: "text" };
import { VERSION } from "../version.ts";

/** Packages with their files, since browsers cannot resolve bare names. */
const PACKAGES: Readonly<Record<string, string>> = {
  "lightweight-charts": "/cockpit/lightweight-charts.js",
  "fancy-canvas": "/cockpit/canvas.js",
};

const script = (text: string) => ({
  type: "text/javascript; charset=utf-8",
  text: text.replace(/\bfrom\s?"([\w-]+)"/g, (all, name) => name in PACKAGES ? `from "${PACKAGES[name]}"` : all),
});

const FILES: Readonly<Record<string, { type: string; text: string }>> = {
  "/": { type: "text/html; charset=utf-8", text: html },
  "/cockpit/cockpit.css": { type: "text/css; charset=utf-8", text: css },
  "/cockpit/flow.css": { type: "text/css; charset=utf-8", text: flowCss },
  "/cockpit/icon.svg": { type: "image/svg+xml", text: icon },
  "/cockpit/api.js": script(api),
  "/cockpit/canvas.js": script(canvas),
  "/cockpit/charts.js": script(chartsOfPage),
  "/cockpit/cluster.js": script(cluster),
  "/cockpit/cockpit.js": script(cockpit),
  "/cockpit/dom.js": script(dom),
  "/cockpit/flow.js": script(flow),
  "/cockpit/letters.js": script(letters),
  "/cockpit/lightweight-charts.js": script(charts),
  "/cockpit/overview.js": script(overview),
  "/cockpit/problems.js": script(problems),
  "/cockpit/serving.js": script(serving),
  "/cockpit/symbols.js": script(symbols),
  "/cockpit/tenants.js": script(tenants),
};

/** Scripts, styles and data come from this server alone, and no other page shows this one. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** Paths of the cockpit's files. */
export const COCKPIT_PATHS: readonly string[] = Object.keys(FILES);

/** Answers with the file at the path, or that it has not changed since the program's version. */
export function serveCockpit(request: Request): Response {
  const { type, text } = FILES[new URL(request.url).pathname];
  const headers = {
    "content-type": type,
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
    etag: `"${VERSION}-${text.length}"`,
  };
  // Compared weakly (RFC 9110, section 13.1.2), since compression on the way weakens the tag of an answer.
  const known = request.headers.get("if-none-match")?.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  const isKnown = known?.includes(headers.etag) ?? false;
  return isKnown ? new Response(null, { status: 304, headers }) : new Response(text, { headers });
}
