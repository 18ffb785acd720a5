// Where an id leads: every id that a statement, an answer or a provider of payments shows can be pasted into one box.
//
// Rule 1: the form decides where it can; an id of no known form is looked for (lib/find.ts).
// Rule 2: what looks like a secret goes nowhere: into no address, no request, no history.

export type Target =
  | { kind: "page"; href: string }
  | { kind: "said"; text: string; secret: boolean }
  | { kind: "unknown"; id: string };

const LENGTH_MAX = 200;
const QUOTES = /^[\s"'`“”‘’<>(),;:]+|[\s"'`“”‘’<>(),;:]+$/g;
const OF_REQUESTS = /^(req_|resp_|chatcmpl-)/;
const OF_MONEY = /^(pi|py|ch|re|pyr|dp|du|adj)_/;

/** An id as it was meant: without the quotes, commas and space that came along. */
export function cleanId(text: string): string {
  return text.replace(QUOTES, "");
}

/** Where an id leads; null for nothing at all. */
export function targetOf(text: string): Target | null {
  const id = cleanId(text);
  if (!id) return null;
  if (/^sk-/i.test(id)) return said("That is a secret key, not an id. Paste the key's id (key_…) to find it.", true);
  if (id.length > LENGTH_MAX || /\s/.test(id)) return said("That is no id: ids are one word.");
  if (id.startsWith("file-")) return said("Files are not shown here. GET /v1/files/ID tells about one.");
  if (OF_REQUESTS.test(id)) return page(requestHref(id));
  if (id.startsWith("key_")) return page(keyHref(id));
  if (id.startsWith("co_")) return page(`/dashboard/billing?checkout=${encodeURIComponent(id)}`);
  if (OF_MONEY.test(id)) return page(transactionHref(id));
  return { kind: "unknown", id };
}

export function requestHref(id: string): string {
  return `/dashboard/requests?request=${encodeURIComponent(id)}`;
}

export function keyHref(id: string): string {
  return `/dashboard/keys?key=${encodeURIComponent(id)}`;
}

export function transactionHref(id: string): string {
  return `/dashboard/billing?id=${encodeURIComponent(id)}`;
}

function page(href: string): Target {
  return { kind: "page", href };
}

function said(text: string, secret = false): Target {
  return { kind: "said", text, secret };
}
