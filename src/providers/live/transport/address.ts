/**
 * Addresses of servers, which variables may replace, for tests, proxies and mirrors.
 *
 * @module
 */
import { type ProviderSettings, SettingError } from "../../provider.ts";

/** Addresses that {@linkcode readAddress} accepts besides the standard one. */
export interface AddressRules {
  /** Beginning of the paths that are appended; the address may leave it out. */
  readonly added?: RegExp;
  /** Hosts and paths, as in `host/path`, with another protocol of the vendor. */
  readonly foreign?: RegExp;
  /** The expected protocol, to end the message that refuses these. */
  readonly understood?: string;
}

/**
 * Reads an address without slashes at its end. It must have the protocol of the standard one, or the same without TLS;
 * without a path, it gets that of the standard one. Its problems are added to `problems`.
 *
 * An address of another cluster of the vendor is refused: the connection would succeed, and no bar would ever come.
 */
export function readAddress(
  variable: ProviderSettings["variable"],
  name: Uppercase<string>,
  standard: string,
  problems: SettingError[],
  { added, foreign, understood }: AddressRules = {},
): string {
  const text = (variable(name) ?? standard).trim();
  const url = URL.parse(text);
  const { protocol, pathname } = new URL(standard);
  if (url !== null && [protocol, protocol.replace("s:", ":")].includes(url.protocol) && url.username === "") {
    if (foreign?.test(`${url.hostname}${url.pathname}`)) {
      const expected = `expected an address like ${standard}: ${understood}`;
      problems.push(
        new SettingError(name, `current value is ${JSON.stringify(text.split(/[?#]/, 1)[0])}, ${expected}`),
      );
      return standard;
    }
    const address = text.replace(/\/+$/, "").replace(added ?? "", "");
    return new URL(address).pathname === "/" && url.search === "" && pathname !== "/" ? address + pathname : address;
  }
  // It may hold a password or a key.
  const current = /[@?#]/.test(text) ? "current value (not shown)" : `current value is ${JSON.stringify(text)}`;
  problems.push(new SettingError(name, `${current}, expected an address like ${standard}`));
  return standard;
}
