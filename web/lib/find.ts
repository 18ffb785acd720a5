// An id of no known form: asked for as a request, then as a row of the statement, then as a key.

import { ApiError, answered, api } from "./api";
import { keyHref, requestHref, transactionHref } from "./ids";

const OF_REQUESTS = new Set(["debit", "release"]);

/** The page that shows it, or null where nothing of the account has this id. Throws ApiError. */
export async function find(id: string, signal: AbortSignal): Promise<string | null> {
  if (await isRequest(id, signal)) return requestHref(id);
  const { data: rows } = await answered(api.GET("/api/transactions", { signal, params: { query: { id, limit: 1 } } }));
  const [row] = rows;
  if (row) return OF_REQUESTS.has(row.kind) ? requestHref(row.id) : transactionHref(id);
  const { data: keys } = await answered(api.GET("/api/keys", { signal }));
  return keys.some((key) => key.id === id) ? keyHref(id) : null;
}

async function isRequest(id: string, signal: AbortSignal): Promise<boolean> {
  try {
    await answered(api.GET("/api/requests/{request_id}", { signal, params: { path: { request_id: id } } }));
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return false;
    throw error;
  }
}
