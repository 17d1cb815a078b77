/**
 * Addresses of servers, which a variable may set: so that tests, proxies and mirrors can stand in.
 *
 * @module
 */
import { type ProviderSettings, SettingError } from "../provider.ts";

/**
 * Reads an address without slashes at its end. It must have the protocol of the standard one, or the same without TLS; where
 * it names no path, that of the standard one is added. What is wrong with it is added to `problems`.
 *
 * @param added The beginning of the paths that are added to it, which it may therefore do without.
 */
export function readAddress(
  variable: ProviderSettings["variable"],
  name: Uppercase<string>,
  standard: string,
  problems: SettingError[],
  added?: RegExp,
): string {
  const text = (variable(name) ?? standard).trim();
  const url = URL.parse(text);
  const { protocol, pathname } = new URL(standard);
  if (url !== null && [protocol, protocol.replace("s:", ":")].includes(url.protocol) && url.username === "") {
    const address = text.replace(/\/+$/, "").replace(added ?? "", "");
    return new URL(address).pathname === "/" && url.search === "" && pathname !== "/" ? address + pathname : address;
  }
  // It may hold a password or a key.
  const current = /[@?#]/.test(text) ? "current value (not shown)" : `current value is ${JSON.stringify(text)}`;
  problems.push(new SettingError(name, `${current}, wanted is an address like ${standard}`));
  return standard;
}
