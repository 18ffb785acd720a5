// The page that an id leads to, judged by the id's form.

export type Destination = { href: string } | { lookUp: string } | { message: string };

const ID_LENGTH_MAX = 128;
const OF_REQUESTS = /^(req|resp|chatcmpl)[_-]/;
const OF_MONEY = /^(pi|py|re|pyr|du|dp|adj|ch)_/;
const SECRET = /^\W*sk-|sk-rr-/i;

/** Whether the text contains a key's secret; such text must not reach a URL or a request. */
export function looksSecret(pasted: string): boolean {
  return SECRET.test(pasted);
}

/** The destination of pasted text. `lookUp`: the form is not recognized, so the gateway must be asked (find.ts). */
export function destination(pasted: string): Destination {
  const id = pasted.trim().replace(/^["'`“”‘’]+|["'`“”‘’,;.]+$/g, "");
  if (looksSecret(id))
    return { message: "This is an API key, not an ID. Keep it secret; the Keys page lists key IDs." };
  if (id === "") return { message: "Paste the ID of a request, response, key, checkout or payment." };
  if (id.length > ID_LENGTH_MAX || !/^[\x21-\x7e]+$/.test(id)) return { message: "This is not a valid ID." };
  if (OF_REQUESTS.test(id)) return { href: requestHref(id) };
  if (id.startsWith("key_")) return { href: `/dashboard/keys?key=${encodeURIComponent(id)}` };
  if (id.startsWith("co_")) return { href: `/dashboard/billing?checkout=${encodeURIComponent(id)}` };
  if (OF_MONEY.test(id)) return { href: transactionHref(id) };
  if (id.startsWith("file-")) return { message: "Files are not shown here. Use GET /v1/files to list them." };
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
