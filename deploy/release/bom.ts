/**
 * The list of what a binary is made of, as CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/): the packages that the lock file
 * names, with their checksums.
 *
 * @module
 */

/** The part of a lock file that is read. */
export interface LockFile {
  readonly npm: Readonly<Record<string, { readonly integrity: string }>>;
}

/** Makes the list. The same lock file gives the same text. */
export function makeBom(name: string, version: string, lock: LockFile): string {
  const packages = new Map<string, string>();
  for (const [key, { integrity }] of Object.entries(lock.npm)) packages.set(nameAndVersion(key), integrity);
  const components = [...packages].sort(([a], [b]) => a < b ? -1 : 1).map(([id, integrity]) => {
    const at = id.lastIndexOf("@");
    const purl = `pkg:npm/${id.slice(0, at).replace("@", "%40")}@${id.slice(at + 1)}`;
    const [, sum] = /^sha512-(.+)$/.exec(integrity) ?? [];
    return {
      type: "library",
      "bom-ref": purl,
      name: id.slice(0, at),
      version: id.slice(at + 1),
      purl,
      ...(sum === undefined ? {} : { hashes: [{ alg: "SHA-512", content: Uint8Array.fromBase64(sum).toHex() }] }),
    };
  });
  const bom = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: { component: { type: "application", "bom-ref": `${name}@${version}`, name, version } },
    components,
  };
  return `${JSON.stringify(bom, null, 2)}\n`;
}

/** `@scope/name@1.0.0_peer@2.0.0`, as Deno writes a package that depends on its peers, without the peers. */
function nameAndVersion(key: string): string {
  const at = key.indexOf("@", 1);
  return key.slice(0, at) + key.slice(at).split("_", 1)[0];
}
