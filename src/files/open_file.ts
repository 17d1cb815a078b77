/**
 * Opens a file as rows: unpacks and decodes it, and plans its reading by its first bytes.
 *
 * @module
 */
import { arrowLines, isArrow, isOldFeather } from "./container/arrow.ts";
import { dbnLines, isDbn } from "./container/dbn.ts";
import { isJsonDocument, jsonLines } from "./container/json_rows.ts";
import { isParquet, parquetLines } from "./container/parquet.ts";
import { type FileItem, nameOf, type ReadOptions, readRaw, STDIN } from "./container/raw.ts";
import { encodingOf, type Headed, isUtf8, linesOf, readHead, toUtf8 } from "./container/text.ts";
import { packingOf, unpack } from "./container/unpack.ts";
import { joinLines, longLines, splitLines } from "./container/wide.ts";
import { packingOfMember } from "./container/zip.ts";
import { type Form, mergeDialects } from "./dialect.ts";
import { type PlanContext, planFile, type PlannedFile, presetOf } from "./plan_file.ts";

/** A file that can be read row by row. */
export interface OpenedFile {
  readonly planned: PlannedFile;
  readonly form: Form;
  /** The first lines, which the plan was made from. */
  readonly lines: readonly string[];
  /** Whether the lines are the whole file. */
  readonly isAll: boolean;
  /** Whether the file is empty. */
  readonly isEmpty: boolean;
  /** Whether an offset in the rows is the offset on disk. */
  readonly isPlain: boolean;
  /** The rows' bytes in UTF-8. Call it once. */
  all(): AsyncGenerator<Uint8Array>;
  /** Closes the file, unless the rows were requested. */
  close(): Promise<void>;
}

/**
 * Opens a file and plans it.
 *
 * @throws {RangeError} If it cannot be unpacked or decoded.
 */
export async function openFile(item: FileItem, context: PlanContext, options: ReadOptions = {}): Promise<OpenedFile> {
  const spooled = item.path === STDIN ? undefined : item;
  const { bytes = readRaw(item, 0, options), isEnough = item.path === STDIN ? hasLine : isLong } = options;
  const raw = await readHead(bytes, isEnough);
  const { member } = item;
  const packing = member === undefined ? packingOf(raw.head) : packingOfMember(member);
  const unpacked = packing === "none" ? raw : await readHead(unpack(raw.all(), packing), isLong);
  const form = context.given.dialect.form ?? formOf(unpacked.head);
  if (form === "parquet" || form === "arrow") {
    const path = packing === "none" && spooled?.member === undefined && spooled !== undefined ? item.path : undefined;
    return await openTable(form, item, path, unpacked, context);
  }
  if (form === "dbn") {
    return await planRows(form, await readHead(joinLines(dbnLines(unpacked.all())), isLong), item, context);
  }
  const encoding = context.given.dialect.encoding ?? encodingOf(unpacked.head);
  const text = encoding === undefined || encoding === "utf-8"
    ? unpacked
    : await readHead(toUtf8(unpacked.all(), encoding), isLong);
  const rows = await planRows(form, text, item, context);
  return { ...rows, isPlain: rows.isPlain && packing === "none" && text === unpacked && item.path !== STDIN };
}

/** Whether a head is long enough for a look at a file. */
const isLong = (head: Uint8Array) => head.length >= 64 * 1024;
/** Whether a head is long enough for standard input, which may come line by line. */
const hasLine = (head: Uint8Array) =>
  head[0] === 0x1f || head[0] === 0x28 || head.indexOf(10, head.indexOf(10) + 1) > 0;

/** The form, by the first bytes. */
function formOf(head: Uint8Array): Form {
  if (isOldFeather(head)) {
    throw new RangeError("it is Feather of version 1, expected version 2: write it again with pyarrow");
  }
  if (isParquet(head)) return "parquet";
  if (isArrow(head)) return "arrow";
  if (isDbn(head)) return "dbn";
  return isJsonDocument(new TextDecoder().decode(head.subarray(0, 4096))) ? "json" : "csv";
}

/** Tables need random access: packed files and standard input are written to disk first. */
async function openTable(
  form: "parquet" | "arrow",
  item: FileItem,
  path: string | undefined,
  bytes: Headed,
  context: PlanContext,
): Promise<OpenedFile> {
  const read = form === "parquet" ? parquetLines : arrowLines;
  async function* lines(): AsyncGenerator<string> {
    if (path !== undefined) {
      await bytes.close();
      return yield* read(path);
    }
    const spool = await Deno.makeTempFile({ prefix: "barline-" });
    try {
      {
        using file = await Deno.open(spool, { write: true });
        for await (const chunk of bytes.all()) {
          for (let at = 0; at < chunk.length;) at += await file.write(chunk.subarray(at));
        }
      }
      yield* read(spool);
    } finally {
      await Deno.remove(spool);
    }
  }
  return { ...await planRows(form, await readHead(joinLines(lines()), isLong), item, context), isPlain: false };
}

async function planRows(form: Form, text: Headed, item: FileItem, context: PlanContext): Promise<OpenedFile> {
  const paths = item.member === undefined ? [item.path] : [item.member.name, item.path, nameOf(item)];
  const facts = { lines: linesOf(text), paths };
  // The beginning of a document of one long line is enough to recognize it.
  const seen = facts.lines.length > 0 ? facts.lines : [new TextDecoder().decode(text.head.subarray(0, 4096))];
  const { preset, by } = presetOf(context, { ...facts, lines: seen });
  const dialect = mergeDialects(preset?.dialect, context.given.dialect);
  let rows = text;
  if (form === "json") rows = await readHead(jsonLines(text.all(), dialect.path), isLong);
  else if (dialect.wide) {
    rows = await readHead(joinLines(longLines(splitLines(text.all()))), isLong);
  }
  const lines = rows === text ? facts.lines : linesOf(rows);
  return {
    planned: planFile(context, { lines, paths, isUtf8: isUtf8(rows) }, preset, by),
    form: form === "csv" && lines.some((line) => line.trimStart().startsWith("{")) ? "ndjson" : form,
    lines,
    isAll: rows.isAll,
    isEmpty: rows.head.length === 0,
    isPlain: rows === text && (form === "csv" || form === "ndjson"),
    all: () => rows.all(),
    close: () => rows.close(),
  };
}
