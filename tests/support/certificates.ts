/**
 * Authorities and certificates, made with openssl.
 *
 * @module
 */
import { join } from "@std/path";

/** Why there are no certificates, or `undefined` where they can be made. */
export function missingOpenssl(): string | undefined {
  try {
    new Deno.Command("openssl", { args: ["version"], stdout: "null", stderr: "null" }).outputSync();
  } catch {
    return "openssl is not there";
  }
}

async function openssl(directory: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", { args, cwd: directory, stderr: "piped" }).output();
  if (!success) throw new Error(`openssl ${args[0]} failed: ${new TextDecoder().decode(stderr)}`);
}

const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Makes an authority, `NAME.crt` with its key. */
export async function makeAuthority(directory: string, name: string): Promise<void> {
  const subject = ["-subj", `/CN=${name}`, "-days", "2", "-keyout", `${name}.key`, "-out", `${name}.crt`];
  await openssl(directory, "req", "-x509", ...KEY, ...subject);
}

/** Makes a certificate for these names that `authority` vouches for. */
export async function makeCertificate(
  directory: string,
  { name, authority, names, days = "2" }: { name: string; authority: string; names: string; days?: string },
): Promise<void> {
  await openssl(directory, "req", ...KEY, "-keyout", `${name}.key`, "-subj", `/CN=${name}`, "-out", `${name}.csr`);
  await Deno.writeTextFile(join(directory, `${name}.ext`), `subjectAltName=${names}\n`);
  const signed = ["-CA", `${authority}.crt`, "-CAkey", `${authority}.key`, "-CAcreateserial"];
  const request = ["-in", `${name}.csr`, "-extfile", `${name}.ext`, "-out", `${name}.crt`];
  await openssl(directory, "x509", "-req", ...request, ...signed, "-days", days);
}
