import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { makeBom } from "../../deploy/release/bom.ts";
import { makeFormula } from "../../deploy/release/formula.ts";
import { testWhere } from "../support/skip.ts";

const root = fromFileUrl(new URL("../../", import.meta.url));

/** Runs a program to its end. */
async function run(program: string, args: string[], options: Deno.CommandOptions = {}) {
  const { code, stdout, stderr } = await new Deno.Command(program, { args, ...options }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function findMissing(): Promise<string | undefined> {
  if (Deno.build.target !== "x86_64-unknown-linux-gnu") return "the release is made for Linux on x86-64";
  const found = await new Deno.Command("dpkg-deb", { args: ["--version"] }).output().catch(() => undefined);
  return found?.success ? undefined : "dpkg-deb is not installed";
}

testWhere(await findMissing(), "a release installs from its tarball and from its Debian package", async (t) => {
  await using leaving = new AsyncDisposableStack();
  const directory = await Deno.makeTempDir({ prefix: "barline-release-" });
  leaving.defer(() => Deno.remove(directory, { recursive: true }));
  const output = join(directory, "release");
  // In place of the binary, which takes half a minute to pack: how it is packed does not depend on what it does.
  const binary = join(directory, "stand-in");
  const { version } = JSON.parse(await Deno.readTextFile(join(root, "deno.json")));
  await Deno.writeTextFile(binary, `#!/bin/sh\necho "barline ${version}"\n`, { mode: 0o755 });
  const made = await run(Deno.execPath(), [
    ...["run", "-A", "deploy/release/main.ts", "--target", "x86_64-unknown-linux-gnu"],
    ...["--binary", binary, "--output", output, "--base-url", "https://example.org/barline/"],
  ], { cwd: root });
  assertEquals(made.code, 0, made.stderr);
  const files = (await Array.fromAsync(Deno.readDir(output), ({ name }) => name)).sort();
  const tarball = `barline-${version}-linux-x64.tar.gz`;
  const listed = ["barline.rb", `barline-${version}.cdx.json`, tarball, `barline_${version}_amd64.deb`, "install.sh"];
  assertEquals(files, [...listed, "SHA256SUMS"].sort());
  const checked = await run("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: output });
  assertEquals([checked.code, checked.stdout.trim().split("\n").length], [0, listed.length]);

  await t.step("the package has each file in its place, and its binary runs", async () => {
    const unpacked = join(directory, "package");
    await run("dpkg-deb", ["-x", join(output, `barline_${version}_amd64.deb`), unpacked]);
    const found = await run(join(unpacked, "usr/bin/barline"), ["version"]);
    assertStringIncludes(found.stdout, `barline ${version}`);
    for (
      const file of [
        "usr/share/bash-completion/completions/barline",
        "usr/share/zsh/vendor-completions/_barline",
        "usr/share/fish/vendor_completions.d/barline.fish",
        "usr/share/doc/barline/README.md",
        "usr/share/doc/barline/copyright",
        "usr/share/doc/barline/docs/quick-start.md",
      ]
    ) {
      assertEquals((await Deno.stat(join(unpacked, file))).mode! & 0o777, 0o644, file);
    }
    const unit = await Deno.readTextFile(join(unpacked, "usr/lib/systemd/system/barline.service"));
    assertMatch(unit, /^ExecStart=\/usr\/bin\/barline ingest$/m);
    assertEquals(unit.includes("/usr/local"), false);
    const fields = await run("dpkg-deb", ["--field", join(output, `barline_${version}_amd64.deb`)]);
    assertMatch(fields.stdout, /^Package: barline\nVersion: \d+\.\d+\.\d+\nArchitecture: amd64\n/);
  });

  await t.step("the installer takes the tarball whose checksum is listed, and no other", async () => {
    const served = leaving.use(Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
      const name = new URL(request.url).pathname.replace("/files/", "");
      const bytes = await Deno.readFile(join(output, name)).catch(() => undefined);
      return bytes === undefined ? new Response(null, { status: 404 }) : new Response(bytes);
    }));
    const baseUrl = `http://127.0.0.1:${served.addr.port}/files`;
    const to = join(directory, "bin");
    const install = (...args: string[]) => run("sh", [join(output, "install.sh"), ...args]);
    const unasked = await install();
    assertEquals(unasked.code, 1);
    assertStringIncludes(unasked.stderr, "--base-url is not given");
    const done = await install("--base-url", `${baseUrl}/`, "--to", to);
    assertEquals(done.code, 0, done.stderr);
    assertStringIncludes(done.stdout, `as ${to}/barline`);
    assertStringIncludes((await run(join(to, "barline"), ["version"])).stdout, version);

    await Deno.remove(join(to, "barline"));
    const sums = join(output, "SHA256SUMS");
    const before = await Deno.readTextFile(sums);
    await Deno.writeTextFile(sums, before.replace(/^[0-9a-f]{8}/gm, "00000000"));
    const refused = await install(`--base-url=${baseUrl}`, `--to=${to}`);
    assertEquals(refused.code, 1);
    assertMatch(refused.stderr, /has SHA-256 [0-9a-f]{64}, expected 00000000[0-9a-f]{56}\. Nothing was installed/);
    assertEquals(await Array.fromAsync(Deno.readDir(to)), []);
    await Deno.writeTextFile(sums, before);
    await Deno.remove(join(output, tarball));
    const missing = await install("--base-url", baseUrl, "--to", to);
    assertStringIncludes(missing.stderr, `Cannot download ${baseUrl}/${tarball}`);
  });
});

Deno.test("the list of parts has each package of the lock file once, with its checksum", async () => {
  const lock = JSON.parse(await Deno.readTextFile(join(root, "deploy/deno.lock")));
  const bom = JSON.parse(makeBom("barline", "1.2.3", lock));
  assertEquals([bom.bomFormat, bom.metadata.component.version], ["CycloneDX", "1.2.3"]);
  const names = bom.components.map(({ purl }: { purl: string }) => purl);
  assertEquals(new Set(names).size, names.length);
  const wanted = JSON.parse(await Deno.readTextFile(join(root, "deno.json"))).imports["pg"];
  const pg = bom.components.find(({ name }: { name: string }) => name === "pg");
  assertEquals(`npm:pg@${pg.version}`, wanted);
  assertEquals(pg.purl, `pkg:npm/pg@${pg.version}`);
  assertEquals(
    `sha512-${Uint8Array.fromHex(pg.hashes[0].content).toBase64()}`,
    lock.npm[`pg@${pg.version}`]?.integrity,
  );
  const scoped = names.find((name: string) => name.includes("pglite-socket"));
  assertMatch(scoped, /^pkg:npm\/%40electric-sql\/pglite-socket@[\d.]+$/);
});

Deno.test("the formula names a tarball and its checksum for each system that the release has", () => {
  const sums = new Map([["barline-1.2.3-macos-arm64.tar.gz", "aa"], ["barline-1.2.3-linux-x64.tar.gz", "bb"]]);
  const formula = makeFormula({ version: "1.2.3", baseUrl: "https://example.org/files", sums });
  assertStringIncludes(formula, 'url "https://example.org/files/barline-1.2.3-macos-arm64.tar.gz"\n      sha256 "aa"');
  assertStringIncludes(formula, 'url "https://example.org/files/barline-1.2.3-linux-x64.tar.gz"\n      sha256 "bb"');
  assertEquals(formula.match(/url /g)?.length, 2);
  assertEquals(formula.match(/\bdo\b|^class|\bdef\b/gm)?.length, formula.match(/^ *end$/gm)?.length);
});
