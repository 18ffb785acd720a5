// CSV as defined by RFC 4180, safe to open in a spreadsheet.
//
// Rule 1: text that a spreadsheet would run as a formula is prefixed with an apostrophe; figures are written unchanged.
// Rule 2: a field is quoted only if it contains commas, quotes or line ends.

const FORMULA = /^\s*[=+\-@\t\r＝＋－＠]/;
const NEEDS_QUOTES = /[",\r\n]/;

/** A number must be whole; an amount is `{ exact }`, the decimal text of a figure. */
export type CsvValue = string | number | { exact: string };

export function toCsv(head: readonly string[], rows: readonly (readonly CsvValue[])[]): string {
  return [head, ...rows].map((row) => `${row.map(field).join(",")}\r\n`).join("");
}

function field(value: CsvValue): string {
  if (typeof value === "number") return value.toFixed(0);
  if (typeof value === "object") return value.exact;
  const text = FORMULA.test(value) ? `'${value}` : value;
  return NEEDS_QUOTES.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
