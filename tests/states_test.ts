import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { ROOT, sourceFiles } from "./support/source.ts";

/** Most variables of a closure; more of them are a state machine, to be written as one documented union. */
const MOST = 6;

/** Algorithms with tables of their own, which are no state machines: every combination of their variables is one state. */
const TABLES = ["src/providers/replay/bytes/intern.ts createInterner"];

/** A function of the source, with its own variables that functions within it use. */
interface Closure {
  readonly name: string;
  readonly variables: ReadonlySet<string>;
}

type Node = Deno.lint.Node;

const isFunction = ({ type }: Node) =>
  type === "FunctionDeclaration" || type === "FunctionExpression" || type === "ArrowFunctionExpression";

/** The innermost function around a node. */
const functionAround = (ancestors: readonly Node[]) => ancestors.findLast(isFunction);

/** Names that a pattern declares. */
function namesOf(pattern: Node): string[] {
  switch (pattern.type) {
    case "Identifier":
      return [pattern.name];
    case "AssignmentPattern":
      return namesOf(pattern.left);
    case "ArrayPattern":
      return pattern.elements.flatMap((each) => each === null ? [] : namesOf(each));
    case "ObjectPattern":
      return pattern.properties.flatMap((each) => each.type === "RestElement" ? [] : namesOf(each.value));
    default:
      return [];
  }
}

/** Finds the closures of a file: a `let` counts where a function within the one that declares it uses its name. */
function closuresOf(path: string, text: string): Closure[] {
  const declared = new Map<Node, Set<string>>();
  const shared = new Map<Node, Set<string>>();
  const uses: { readonly name: string; readonly functions: readonly Node[] }[] = [];
  const collect: Deno.lint.Plugin = {
    name: "closures",
    rules: {
      collect: {
        create: ({ sourceCode }) => ({
          VariableDeclaration(node) {
            const around = functionAround(sourceCode.getAncestors(node));
            if (node.kind !== "let" || around === undefined) return;
            const names = declared.get(around) ?? new Set();
            for (const { id } of node.declarations) for (const name of namesOf(id)) names.add(name);
            declared.set(around, names);
          },
          Identifier(node) {
            uses.push({ name: node.name, functions: sourceCode.getAncestors(node).filter(isFunction) });
          },
        }),
      },
    },
  };
  Deno.lint.runPlugin(collect, path, text);
  for (const { name, functions } of uses) {
    for (const outer of functions.slice(0, -1)) {
      if (!declared.get(outer)?.has(name)) continue;
      shared.set(outer, (shared.get(outer) ?? new Set()).add(name));
    }
  }
  return Array.from(shared, ([node, variables]) => ({
    name: `${path} ${"id" in node && node.id?.type === "Identifier" ? node.id.name : "(unnamed)"}`,
    variables,
  }));
}

Deno.test("closuresOf() counts the variables that functions within a function share, and no others", () => {
  const text = `function outer() {
    let [a, { b }] = pair, c = 1, local = 2;
    const d = 3;
    local++;
    return { get a() { return a; }, set: () => { let inner = b; c = inner + d; } };
  }`;
  const found = closuresOf("outer.ts", text).map(({ name, variables }) => [name, [...variables].sort()]);
  assertEquals(found, [["outer.ts outer", ["a", "b", "c"]]]);
});

Deno.test(`no closure has more than ${MOST} variables of its own`, async () => {
  const files = await sourceFiles();
  const closures = (await Promise.all(files.map(async (path) => {
    return closuresOf(path, await Deno.readTextFile(join(ROOT, path)));
  }))).flat();
  const large = closures.filter(({ name, variables }) => variables.size > MOST && !TABLES.includes(name));
  assertEquals(large.map(({ name, variables }) => `${name}: ${[...variables].join(", ")}`), []);
});
