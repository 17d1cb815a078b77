import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseDecimal } from "../../src/records/number.ts";

/** `assertEquals` takes -0 and 0 for different, as is wanted here. */
function assertReadsAsNumber(text: string): void {
  assertEquals(parseDecimal(text), Number(text), `of "${text}"`);
}

Deno.test("parseDecimal() reads any double that String() prints", () => {
  fc.assert(fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (x) => assertReadsAsNumber(String(x))));
});

Deno.test("parseDecimal() reads what toFixed() and toExponential() print", () => {
  fc.assert(
    fc.property(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.nat({ max: 22 }),
      (x, digits) => {
        assertReadsAsNumber(x.toFixed(digits));
        assertReadsAsNumber(x.toExponential(digits));
      },
    ),
  );
});

Deno.test("parseDecimal() reads prices as Number does, to the last bit", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat({ max: 15 }), (digits, places) => {
      const text = String(digits).padStart(places + 1, "0");
      assertReadsAsNumber(`${text.slice(0, text.length - places)}.${text.slice(text.length - places)}`);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("parseDecimal() reads every spelling of a decimal", () => {
  fc.assert(fc.property(fc.stringMatching(/^ ?[+-]?(\d{1,25}\.?\d{0,25}|\.\d{1,25})([eE][+-]?\d{1,3})? ?$/), (text) => {
    assertReadsAsNumber(text);
  }));
});

Deno.test("parseDecimal() refuses a text, or reads it as Number does", () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."0123456789.+-eExX_, \tInfyNa") }), (text) => {
    const value = parseDecimal(text);
    if (!Number.isNaN(value)) assertEquals(value, Number(text), `of "${text}"`);
  }));
});

for (
  const text of ["5", "-5", "+5", "5.", ".5", "-.5", "-0", "007", "1e3", "1E-3", "1e400", " 5\t", "9007199254740993"]
) {
  Deno.test(`parseDecimal() reads "${text}" as Number does`, () => assertReadsAsNumber(text));
}

for (
  const text of [
    "",
    " ",
    "\t\n",
    ".",
    "-",
    "+",
    "--5",
    "1.2.3",
    "1,000",
    "1,5",
    "1_0",
    "0x10",
    "0b1",
    "Infinity",
    "-Infinity",
    "NaN",
    "null",
    "1e",
    "e5",
    "5 5",
    "$5",
    "5%",
    "٣",
  ]
) {
  Deno.test(`parseDecimal() refuses ${JSON.stringify(text)}`, () => assertEquals(parseDecimal(text), NaN));
}

Deno.test("parseDecimal() passes numbers through", () => assertEquals(parseDecimal(-0.1), -0.1));

Deno.test("parseDecimal() refuses values that are neither text nor number", () => {
  for (const value of [undefined, null, true, {}, [5], 5n]) assertEquals(parseDecimal(value), NaN);
});
