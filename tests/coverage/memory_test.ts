import { assert } from "@std/assert";
import { fromFileUrl } from "@std/path";

const BENCH = fromFileUrl(new URL("../bench/coverage.ts", import.meta.url));
const MOST_MB = 64;

for (const only of ["corrected, holes in a tenth of the symbols, 4 h", "lost, a tenth of the bars corrected"]) {
  Deno.test(`coverage of 10,000 symbols takes less than ${MOST_MB} MB: ${only}`, async () => {
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", BENCH, "--streamed=500", `--only=${only}`],
    }).output();
    const text = new TextDecoder().decode(stdout);
    const [, mb] = /^ *([\d.]+) MB /.exec(text) ?? [];
    assert(Number(mb) > 0 && Number(mb) < MOST_MB, `${text}${new TextDecoder().decode(stderr)}`);
  });
}
