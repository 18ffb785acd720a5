// An id of no known form: looked for in the statement, whose rows know their answers' ids too, then among the keys. Requests in flight
// have ids of a known form.

import { answered, api } from "@/lib/api/client";
import { isRequest } from "@/lib/statement/kinds";
import { keyHref, requestHref, transactionHref } from "./ids";

/** The page that shows it, or null where nothing of the account has this id. Throws ApiError. */
export async function find(id: string, signal: AbortSignal): Promise<string | null> {
  const { data: rows } = await answered(api.GET("/api/transactions", { signal, params: { query: { id, limit: 1 } } }));
  const [row] = rows;
  if (row) return isRequest(row) ? requestHref(row.id) : transactionHref(id);
  const { data: keys } = await answered(api.GET("/api/keys", { signal }));
  return keys.some((key) => key.id === id) ? keyHref(id) : null;
}
