/**
 * Addresses of servers, which a variable may set: so that tests, proxies and mirrors can stand in.
 *
 * @module
 */
import { type ProviderSettings, SettingError } from "../provider.ts";

/**
 * Reads an address without slashes at its end. It must have the protocol of the standard one, or the same without TLS; what
 * is wrong with it is added to `problems`.
 */
export function readAddress(
  variable: ProviderSettings["variable"],
  name: Uppercase<string>,
  standard: string,
  problems: SettingError[],
): string {
  const text = variable(name) ?? standard;
  const url = URL.parse(text);
  const secure = new URL(standard).protocol;
  const isFit = url !== null && [secure, secure.replace("s:", ":")].includes(url.protocol) && url.username === "";
  if (isFit) return text.replace(/\/+$/, "");
  // It may hold a password.
  const current = text.includes("@") ? "current value (not shown)" : `current value is ${JSON.stringify(text)}`;
  problems.push(new SettingError(name, `${current}, wanted is an address like ${standard}`));
  return standard;
}
