// Where an id leads: its form says what it is of.

export type Destination = { href: string } | { lookUp: string } | { said: string };

const ID_LENGTH_MAX = 128;
const OF_REQUESTS = /^(req|resp|chatcmpl)[_-]/;
const OF_MONEY = /^(pi|py|re|pyr|du|dp|adj|ch)_/;
const SECRET = /^\W*sk-|sk-rr-/i;

/** A key's secret, or a line that holds one: it goes into no address and no request. */
export function looksSecret(pasted: string): boolean {
  return SECRET.test(pasted);
}

/** What a pasted text is. `lookUp`: only the ledger can say (lib/find.ts). */
export function destination(pasted: string): Destination {
  const id = pasted.trim().replace(/^["'`“”‘’]+|["'`“”‘’,;.]+$/g, "");
  if (looksSecret(id)) return { said: "This is a key, not the id of one. Keep it secret; Keys lists the ids." };
  if (id === "") return { said: "Paste an id: of a request, an answer, a key, a checkout or a payment." };
  if (id.length > ID_LENGTH_MAX || !/^[\x21-\x7e]+$/.test(id)) return { said: "This is no id." };
  if (OF_REQUESTS.test(id)) return { href: requestHref(id) };
  if (id.startsWith("key_")) return { href: `/dashboard/keys?key=${encodeURIComponent(id)}` };
  if (id.startsWith("co_")) return { href: `/dashboard/billing?checkout=${encodeURIComponent(id)}` };
  if (OF_MONEY.test(id)) return { href: transactionHref(id) };
  if (id.startsWith("file-")) return { said: "Files are listed by GET /v1/files, not here." };
  return { lookUp: id };
}

export function requestHref(id: string): string {
  return `/dashboard/requests?request=${encodeURIComponent(id)}`;
}

export function transactionHref(id: string): string {
  return `/dashboard/billing?id=${encodeURIComponent(id)}`;
}

export function keyHref(id: string): string {
  return `/dashboard/keys?key=${encodeURIComponent(id)}`;
}
