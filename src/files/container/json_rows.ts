/**
 * Reads JSON documents as lines: each object of an array becomes a line of JSON, each inner array a line of delimited
 * fields.
 *
 * @module
 */

/** Longest row, or text between rows. */
const MAX_BYTES = 1024 * 1024;
/** Most objects and arrays around the rows. */
const MAX_DEPTH = 64;
const NEWLINE = 10;
const [QUOTE, COMMA, COLON, OPEN, CLOSE, BACKSLASH, BRACE, BRACE_END] = [...'",:[]\\{}'].map((mark) =>
  mark.charCodeAt(0)
);

/** Whether the text begins like one document, not like lines with an object each. */
export function isJsonDocument(head: string): boolean {
  const text = head.replace(/^\uFEFF/, "").trimStart();
  if (text.startsWith("[")) return true;
  if (!text.startsWith("{")) return false;
  if (/^\{\s*"bars"\s*:\s*[{[]/.test(text)) return true;
  const line = text.split("\n", 1)[0];
  // The first line of a document spread over lines is not a whole object.
  return text.length > line.length && line.trim() === "{";
}

/**
 * Yields the rows of a document as lines. Rows are the objects and arrays inside the outer array, or inside the value
 * of the key `path`. If that value is a mapping, its keys are symbols, and its arrays hold their rows.
 *
 * @throws {RangeError} If the document ends in the middle, or a row is too long.
 */
export async function* jsonLines(
  bytes: AsyncIterable<Uint8Array>,
  path: string | undefined,
): AsyncGenerator<Uint8Array> {
  const encoder = new TextEncoder();
  /** Keys and arrays around the current place, outermost first; a row lies inside the last array. */
  const around: { isArray: boolean; key: string }[] = [];
  let key = "";
  let text: number[] | undefined;
  let isEscaped = false;
  let lastText = "";
  /** Bytes of the current row, and its nesting depth. */
  let row: number[] | undefined;
  let depth = 0;
  let inText = false;
  let isSeen = false;
  const decoder = new TextDecoder();

  const isRows = () => {
    const last = around.at(-1);
    if (last?.isArray !== true) return false;
    const keys = around.slice(0, -1).filter(({ isArray }) => !isArray);
    if (around.slice(0, -1).some(({ isArray }) => isArray)) return false;
    if (path === undefined) return keys.length === 0;
    return keys[0]?.key === path && keys.length <= 2;
  };

  function finish(found: number[]): Uint8Array {
    const isArray = found[0] === OPEN;
    const symbol = around.filter(({ isArray }) => !isArray)[1]?.key;
    let line = decoder.decode(Uint8Array.from(found)).replaceAll(/[\r\n]/g, " ");
    if (isArray) line = line.slice(1, -1).replaceAll(/\s+/g, "");
    else if (symbol !== undefined) line = `{"symbol":${JSON.stringify(symbol)},${line.slice(1)}`;
    return encoder.encode(`${line}\n`);
  }

  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length; at++) {
      const byte = chunk[at];
      if (row !== undefined) {
        row.push(byte);
        if (row.length > MAX_BYTES) throw new RangeError(`one of its rows has over ${MAX_BYTES} bytes`);
        if (inText) {
          if (isEscaped) isEscaped = false;
          else if (byte === BACKSLASH) isEscaped = true;
          else if (byte === QUOTE) inText = false;
        } else if (byte === QUOTE) inText = true;
        else if (byte === OPEN || byte === BRACE) depth++;
        else if (byte === CLOSE || byte === BRACE_END) {
          if (--depth === 0) {
            const line = finish(row);
            row = undefined;
            yield line;
          }
        }
        continue;
      }
      if (text !== undefined) {
        if (isEscaped) isEscaped = false;
        else if (byte === BACKSLASH) isEscaped = true;
        else if (byte === QUOTE) {
          lastText = decoder.decode(Uint8Array.from(text));
          text = undefined;
          continue;
        }
        text.push(byte);
        if (text.length > MAX_BYTES) throw new RangeError(`one of its texts has over ${MAX_BYTES} bytes`);
        continue;
      }
      if (byte === QUOTE) text = [];
      else if (byte === COLON) key = lastText;
      else if (byte === OPEN || byte === BRACE) {
        isSeen = true;
        if (isRows()) {
          row = [byte];
          depth = 1;
        } else {
          const own = around.at(-1);
          if (own !== undefined && !own.isArray) own.key = key;
          if (around.length === MAX_DEPTH) {
            throw new RangeError(`it is nested deeper than ${MAX_DEPTH}, which is too deep for bars`);
          }
          around.push({ isArray: byte === OPEN, key: "" });
        }
      } else if (byte === CLOSE || byte === BRACE_END) around.pop();
      else if (byte === COMMA || byte === NEWLINE) continue;
    }
  }
  if (row !== undefined || text !== undefined || around.length > 0 || !isSeen) {
    throw new RangeError("it is an incomplete JSON document: it ends in the middle");
  }
}
