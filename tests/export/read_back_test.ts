import { assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { parquetWriteBuffer } from "hyparquet-writer";
import { readBack } from "../../src/export/archive/read_back.ts";
import { openDirectoryPlace } from "../../src/export/directory_place.ts";
import { makeDirectory } from "../support/providers.ts";

Deno.test("a file of the archive with a row more or less than the manifest says is refused", async () => {
  await using directory = await makeDirectory();
  const bytes = new Uint8Array(
    parquetWriteBuffer({ columnData: [{ name: "volume", data: [1, 2, 3], type: "DOUBLE" }] }),
  );
  await Deno.writeFile(`${directory.path}/part-0.parquet`, bytes);
  const place = openDirectoryPlace(directory.path);
  const file = (rows: number) => ({
    path: "part-0.parquet",
    rows,
    sha256: createHash("sha256").update(bytes).digest("hex"),
  });
  await readBack(place, file(3));
  for (const rows of [2, 4]) {
    await assertRejects(() => readBack(place, file(rows)), Error, `it has 3 rows, expected ${rows}`);
  }
});
