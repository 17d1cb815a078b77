/**
 * Servers of S3 that others wrote: s3rver from npm, gofakes3, which is built with Go, and moto from PyPI, which checks
 * signatures.
 *
 * @module
 */
import { AwsClient } from "aws4fetch";
import { join } from "@std/path";
import { textOf } from "../../src/export/s3/requests.ts";
import { findPython } from "./python.ts";

/** A server with an empty bucket `market`. */
export interface S3Server extends AsyncDisposable {
  readonly url: string;
  /** Variables of the environment that lead there. */
  readonly variables: Readonly<Record<string, string>>;
}

const KEYS = { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER", AWS_REGION: "eu-central-1" };
const cache = join(Deno.env.get("XDG_CACHE_HOME") ?? join(Deno.env.get("HOME") ?? "/tmp", ".cache"), "barline-tests");

/** A free port of this machine. */
function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** Starts a program that is there once its port answers. */
async function start(
  path: string,
  args: readonly string[],
  port: number,
): Promise<S3Server> {
  const process = new Deno.Command(path, { args: [...args], stdout: "null", stderr: "null" }).spawn();
  const url = `http://127.0.0.1:${port}`;
  let hasEnded = false;
  process.status.then(() => hasEnded = true);
  while (!await fetch(url).then((response) => response.body?.cancel().then(() => true) ?? true, () => false)) {
    if (hasEnded) throw new Error(`Cannot start ${path} ${args.join(" ")}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url,
    variables: { ...KEYS, AWS_ENDPOINT_URL: url },
    async [Symbol.asyncDispose]() {
      process.kill("SIGKILL");
      await process.status;
    },
  };
}

/** Starts s3rver, with its objects below a directory. */
export function startS3rver(directory: string): Promise<S3Server> {
  const port = freePort();
  const args = ["-d", directory, "-a", "127.0.0.1", "-p", String(port), "--configure-bucket", "market"];
  return start(Deno.execPath(), ["run", "-A", "--no-config", "--no-lock", "npm:s3rver@3.7.1", ...args], port);
}

/** The path of gofakes3, which is built where it is missing; `undefined` where there is no Go. */
export async function findGofakes3(): Promise<string | undefined> {
  const path = join(cache, "bin", "gofakes3");
  if (await Deno.stat(path).then(() => true, () => false)) return path;
  try {
    const { success, stderr } = await new Deno.Command("go", {
      args: ["install", "github.com/johannesboyne/gofakes3/cmd/gofakes3@v1.2.0"],
      env: { GOBIN: join(cache, "bin"), CGO_ENABLED: "0" },
    }).output();
    if (!success) throw new Error(`Cannot build gofakes3: ${new TextDecoder().decode(stderr)}`);
    return path;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Starts gofakes3; below the host `s3.test` the bucket is a part of the host's name. */
export function startGofakes3(path: string): Promise<S3Server> {
  const port = freePort();
  const args = ["-backend", "memory", "-host", `127.0.0.1:${port}`, "-initialbucket", "market"];
  return start(path, [...args, "-hostbucketbase", "s3.test"], port);
}

/** A Python that has moto; `undefined` where there is no Python. */
export const findMoto = (): Promise<string | undefined> => findPython("moto", ["moto[server]==5.2.5"]);

/** Starts moto with one user, whose signatures it checks. */
export async function startMoto(python: string): Promise<S3Server> {
  const port = freePort();
  const server = await start(python, ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], port);
  const ask = async (service: string, path: string, init: RequestInit) => {
    const keys = { accessKeyId: "a", secretAccessKey: "b", region: "us-east-1" };
    const response = await new AwsClient({ ...keys, service }).fetch(`${server.url}${path}`, init);
    return await response.text();
  };
  const headers = { "content-type": "application/x-www-form-urlencoded" };
  const iam = (values: Record<string, string>) =>
    ask("iam", "/", {
      method: "POST",
      headers,
      body: new URLSearchParams({ ...values, UserName: "barline", Version: "2010-05-08" }).toString(),
    });
  await ask("s3", "/market", { method: "PUT" });
  await iam({ Action: "CreateUser" });
  const made = await iam({ Action: "CreateAccessKey" });
  const statement = { Effect: "Allow", Action: "s3:*", Resource: "*" };
  const policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  await iam({ Action: "PutUserPolicy", PolicyName: "all", PolicyDocument: policy });
  // From here on requests need a signature.
  await (await fetch(`${server.url}/moto-api/reset-auth`, { method: "POST", body: "0" })).body?.cancel();
  const keys = {
    AWS_ACCESS_KEY_ID: textOf(made, "AccessKeyId")!,
    AWS_SECRET_ACCESS_KEY: textOf(made, "SecretAccessKey")!,
  };
  return { ...server, variables: { ...server.variables, ...keys, AWS_REGION: "us-east-1" } };
}
