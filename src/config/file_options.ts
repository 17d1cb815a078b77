/**
 * Names of the options for the format of files, apart from their schemas, which the table of commands does not need.
 *
 * @module
 */

/** The options, in the order of the help. */
export const FILE_OPTIONS = [
  ...["format", "delimiter", "quote", "decimal", "thousands", "noHeader", "skip", "comment", "null"] as const,
  ...["column", "constant", "symbolFrom", "timeFormat", "timeZone", "ambiguous", "stamp"] as const,
  ...["priceScale", "encoding"] as const,
] as const;
