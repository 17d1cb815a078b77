/**
 * Network namespaces of Linux: each edge on a host of its own, with an address of its own, behind a wire that can be pulled.
 * Making them wants root.
 *
 * @module
 */

/** A host of an edge. */
export interface Namespace extends AsyncDisposable {
  /** Address of this machine as it is seen from there. */
  readonly gateway: string;
  /** Command line that runs the one after it there. */
  readonly through: readonly string[];
  /** Pulls the wire, or plugs it in again: packets are lost, and nobody is told. */
  plug(isIn: boolean): Promise<void>;
}

async function ip(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("ip", { args, stderr: "piped" }).output();
  if (!success) throw new Error(`ip ${args.join(" ")} failed: ${new TextDecoder().decode(stderr)}`);
}

/** Makes a namespace; `number` tells those of one run apart. */
export async function makeNamespace(number: number): Promise<Namespace> {
  const run = Deno.pid % 200;
  const name = `barline-${Deno.pid}-${number}`;
  const [near, far] = ["n", "f"].map((end) => `bl${end}${Deno.pid}${number}`);
  const network = `10.${200 + number}.${run}`;
  await ip("netns", "add", name);
  try {
    await ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", name);
    await ip("addr", "add", `${network}.1/24`, "dev", near);
    await ip("link", "set", near, "up");
    await ip("-n", name, "addr", "add", `${network}.2/24`, "dev", far);
    for (const device of ["lo", far]) await ip("-n", name, "link", "set", device, "up");
  } catch (error) {
    await ip("netns", "del", name);
    throw error;
  }
  return {
    gateway: `${network}.1`,
    through: ["ip", "netns", "exec", name],
    // The far end: were the near one down, this machine would know.
    plug: (isIn) => ip("-n", name, "link", "set", far, isIn ? "up" : "down"),
    [Symbol.asyncDispose]: () => ip("netns", "del", name),
  };
}
