/**
 * Finds the server in the strongest source that names one. A lone user or password does not name a server: it completes
 * that of a weaker source, and never replaces it.
 *
 * @module
 */
import { type DatabaseTarget, urlFromVariables } from "./database.ts";
import { first, type Layer } from "./layers.ts";
import { type Refuse, urlFromLibpq, type Variable, withPasswordFile } from "./libpq.ts";
import type { OptionSpec } from "./options.ts";

/** Variables for the server; only the host makes it another server than a weaker source's. */
const PLACES = ["POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB"];
const CREDENTIALS = ["POSTGRES_USER", "POSTGRES_PASSWORD"];

/** The value of `database`, with its source; `undefined` if no source names a server. */
export function readServer(
  layers: readonly Layer[],
  spec: OptionSpec,
  refuse: (source: string) => Refuse,
): { value: unknown; source: string } | undefined {
  const read = variableOf(layers);
  const sourceOf = (variable: string) => layers.find((layer) => layer.variable?.(variable))!.name;
  /** The server by the variables of a layer and of stronger ones, with the strongest credentials. */
  const fromVariables = (layer: Layer, places: readonly string[]) => {
    if (!places.some((each) => layer.variable?.(each))) return undefined;
    const readPlace = variableOf(layers.slice(0, layers.indexOf(layer) + 1));
    const value = urlFromVariables(
      (each) => CREDENTIALS.includes(each) ? read(each) : readPlace(each),
      (variable, message) => refuse(sourceOf(variable))(variable, message),
    );
    return { value, source: `POSTGRES_* in ${layer.name}` };
  };
  /** A part of an address in a source above a URL belongs to another server, which is not named. */
  const besides = (layer: Layer) => {
    const url = layer.read(spec);
    if (url === undefined) return undefined;
    for (const above of layers.slice(0, layers.indexOf(layer))) {
      const stray = PLACES.find((each) => above.variable?.(each));
      if (stray === undefined) continue;
      const current = JSON.stringify(above.variable!(stray));
      refuse(above.name)(
        stray,
        `current value is ${current} without POSTGRES_HOST, and ${url.source} names the database; expected both or ` +
          "neither. Set POSTGRES_HOST too, or unset it",
      );
    }
    return url;
  };
  const named = first(layers, (layer) => besides(layer) ?? fromVariables(layer, ["POSTGRES_HOST"])) ??
    first(layers, (layer) => fromVariables(layer, PLACES));
  if (named !== undefined) return named;
  const libpq = urlFromLibpq(read, (variable, message) => refuse(sourceOf(variable))(variable, message));
  if (libpq !== undefined) return { value: libpq.url, source: `${libpq.variable} in ${sourceOf(libpq.variable)}` };
  return first(layers, (layer) => fromVariables(layer, CREDENTIALS));
}

/** The strongest value of each variable; an empty one counts as absent. */
export function variableOf(layers: readonly Layer[]): Variable {
  return (name) => first(layers, (layer) => layer.variable?.(name) || undefined);
}

/**
 * The target with a password from variables or `.pgpass` if its URL has none: `POSTGRES_PASSWORD`, unless
 * `POSTGRES_USER` is another user, then `PGPASSWORD`.
 */
export function completeTarget(
  target: DatabaseTarget,
  read: Variable,
  warn: (message: string) => void,
): DatabaseTarget {
  if (target.password !== undefined) return target;
  const isOfUser = (read("POSTGRES_USER") ?? target.user) === target.user;
  const password = (isOfUser ? read("POSTGRES_PASSWORD") : undefined) ?? read("PGPASSWORD");
  return password === undefined ? withPasswordFile(target, read, warn) : { ...target, password };
}
