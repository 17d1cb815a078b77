import { assertEquals } from "@std/assert";

import { openWorkspace, startSharedServer } from "../support/workspace.ts";
import { missingServer } from "../support/postgres.ts";
import { testWhere } from "../support/skip.ts";

const server = await startSharedServer();

const MOCK = ["--provider", "mock", "--symbols", "A,B,C,D,E", "--speed", "max", "--limit", "20000"];

testWhere(
  missingServer(),
  "two processes that write the same new bars at once store each bar once between them",
  async () => {
    await using one = await openWorkspace(server);
    await using other = await openWorkspace(server);
    const both = [
      one.startIngest([...MOCK, "--batch-size", "300"]),
      other.startIngest([...MOCK, "--batch-size", "500", "--database", one.database]),
    ];
    const [first, second] = await Promise.all(both.map(({ ended }) => ended));
    assertEquals([first.code, second.code], [0, 0], first.stderr + second.stderr);
    assertEquals(await one.count(), 20_000);
    assertEquals(first.json.stored + second.json.stored, 20_000);
    assertEquals(first.json.unchanged + second.json.unchanged, 20_000);
    assertEquals((await one.query("SELECT count(*)::int AS count FROM series"))[0].count, 5);
    assertEquals([...await one.letters(), ...await other.letters()], []);
  },
);
