/**
 * Options that are a mapping in the configuration file.
 *
 * @module
 */
import type { z } from "zod";
import { closestString } from "@std/text/closest-string";
import { isMapping } from "./per_provider.ts";

/** `batch-size` and `batch_size` mean `batchSize`. */
export function camelCase(key: string): string {
  return key.replace(/[-_]([a-z])/g, (_, letter) => letter.toUpperCase());
}

/** The mapping with the keys of the schema. */
export function readMapping(value: unknown): unknown {
  if (!isMapping(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [camelCase(key), each]));
}

/** Problems of a mapping: each key with its message. `expected` describes the whole mapping. */
export function findWrongKeys(
  name: string,
  value: unknown,
  schema: z.ZodObject,
  expected: string,
): { key: string; message: string }[] {
  if (!isMapping(value)) return [{ key: name, message: `current value is ${show(value)}, expected ${expected}` }];
  const known = Object.keys(schema.shape);
  return Object.entries(value).flatMap(([key, each]) => {
    const type = schema.shape[key] as z.ZodType | undefined;
    if (type === undefined) {
      return [{ key: `${name}.${key}`, message: `no such option, did you mean "${closestString(key, known)}"?` }];
    }
    if (type.safeParse(each).success) return [];
    return [{ key: `${name}.${key}`, message: `current value is ${show(each)}, expected ${expectedOf(type)}` }];
  });
}

const show = (value: unknown) => JSON.stringify(value) ?? "nothing";

/** The expected value of a setting, declared inside its `optional`. */
function expectedOf(type: z.ZodType): string {
  const meta = type.meta()?.barline as { expected: string } | undefined;
  return meta?.expected ?? expectedOf((type as z.ZodOptional).unwrap() as z.ZodType);
}
