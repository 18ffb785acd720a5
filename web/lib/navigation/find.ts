// Looks up an id whose form is not recognized: on the statement, which also knows response ids, then among the keys. Requests in
// flight always have ids of a recognized form.

import { answered, api } from "@/lib/api/client";
import { isRequest } from "@/lib/statement/kinds";
import { keyHref, requestHref, transactionHref } from "./ids";

/** The page that shows the id; null if nothing in the account has it. Throws ApiError. */
export async function find(id: string, signal: AbortSignal): Promise<string | null> {
  const { data: rows } = await answered(api.GET("/api/transactions", { signal, params: { query: { id, limit: 1 } } }));
  const [row] = rows;
  if (row) return isRequest(row) ? requestHref(row.id) : transactionHref(id);
  const { data: keys } = await answered(api.GET("/api/keys", { signal }));
  return keys.some((key) => key.id === id) ? keyHref(id) : null;
}
