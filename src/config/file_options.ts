/**
 * Names of the options that say how files write their bars. The table of commands needs them without what they are made of.
 *
 * @module
 */

/** The options, in the order of the help. */
export const FILE_OPTIONS = [
  ...["format", "delimiter", "quote", "decimal", "thousands", "noHeader", "skip", "comment", "null"] as const,
  ...["column", "constant", "symbolFrom", "timeFormat", "timeZone", "ambiguous", "stamp"] as const,
  ...["priceScale", "encoding"] as const,
] as const;
