// CSV as RFC 4180 has it, safe to open in a spreadsheet.
//
// Rule 1: a text that a spreadsheet would run as a formula gets an apostrophe before it; figures are written as they are.
// Rule 2: what is quoted is what must be: commas, quotes and line ends.

const FORMULA = /^\s*[=+\-@\t\r＝＋－＠]/;
const NEEDS_QUOTES = /[",\r\n]/;

/** A number must be a whole one: amounts come as `{ exact }`, the decimal text of a figure. */
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
