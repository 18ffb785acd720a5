"use client";
// The pages' queries and mutations. Each resource has one query key, which live events and mutations use to invalidate it.

import { keepPreviousData, type QueryClient, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { keyNames, type Spend, stackOf } from "@/lib/usage/usage";
import { ApiError, answered, api, type Schemas } from "./client";

export type Balance = Schemas["BalanceShown"];
export type Transaction = Schemas["TransactionShown"];
export type TransactionPage = Schemas["TransactionPage"];
export type RequestDetail = Schemas["RequestShown"];
export type ApiKey = Schemas["KeyShown"];
/** A key that was just created, and its secret, which no later answer carries. */
export type MadeKey = { secret: string; key: ApiKey };
export type UsageGroup = Schemas["UsageGroup"];
export type Pack = Schemas["PackShown"];
export type Checkout = Schemas["CheckoutShown"];
export type Model = Schemas["ModelObject"];

export type TransactionFilter = {
  kind?: string[];
  key?: string;
  model?: string;
  id?: string;
  from?: string;
  to?: string;
};
export type UsageFilter = {
  by: "hour" | "day" | "key" | "model";
  from?: string;
  to?: string;
  key?: string;
  model?: string;
};

export const KEYS = {
  session: ["session"],
  account: ["account"],
  balance: ["balance"],
  transactions: ["transactions"],
  usage: ["usage"],
  request: ["request"],
  keys: ["keys"],
  packs: ["packs"],
  checkout: ["checkout"],
  automatic: ["automatic"],
  models: ["models"],
} as const;
export const PAGE_ROWS = 50;
const RETRIES_MAX = 2;
const OPEN_POLL_MS = 2_000;

/** Whether to retry a failed call: only if the gateway was unreachable or unavailable. A refusal is final. */
export function mayRetry(failures: number, error: Error): boolean {
  return failures < RETRIES_MAX && error instanceof ApiError && [0, 502, 503, 504].includes(error.status);
}

export function useSession() {
  return useQuery({ queryKey: KEYS.session, queryFn: ({ signal }) => answered(api.GET("/api/session", { signal })) });
}

export function useAccount() {
  return useQuery({ queryKey: KEYS.account, queryFn: ({ signal }) => answered(api.GET("/api/account", { signal })) });
}

export function useBalance() {
  return useQuery({
    queryKey: KEYS.balance,
    queryFn: ({ signal }) => answered(api.GET("/api/balance", { signal })),
    structuralSharing: (before, after) => newerBalance(before as Balance | undefined, after as Balance),
  });
}

/** The balance with the later ledger position, because events and responses can overtake each other. */
export function newerBalance(before: Balance | undefined, after: Balance): Balance {
  const older = before !== undefined && before.as_of.position > after.as_of.position;
  return older && before.account_id === after.account_id ? before : after;
}

export function useApiKeys() {
  return useQuery({
    queryKey: KEYS.keys,
    queryFn: async ({ signal }) => (await answered(api.GET("/api/keys", { signal }))).data,
  });
}

/** A key's display name, by its id: the name, with the hint if several keys share it; the id if the key is unknown. */
export function useKeyNames(): (id: string) => string {
  const keys = useApiKeys().data;
  const names = useMemo(() => keyNames(keys ?? []), [keys]);
  return useCallback((id: string) => names.get(id) ?? id, [names]);
}

export function useModels() {
  return useQuery({
    queryKey: KEYS.models,
    queryFn: async ({ signal }) => (await answered(api.GET("/v1/models", { signal, credentials: "omit" }))).data,
    staleTime: 300_000,
  });
}

export function usePacks() {
  return useQuery({
    queryKey: KEYS.packs,
    queryFn: async ({ signal }) => (await answered(api.GET("/api/packs", { signal }))).data,
  });
}

function readUsage(filter: UsageFilter, signal: AbortSignal) {
  return answered(api.GET("/api/usage", { signal, params: { query: filter } }));
}

export function useUsage(filter: UsageFilter) {
  return useQuery({
    queryKey: [...KEYS.usage, filter],
    queryFn: ({ signal }) => readUsage(filter, signal),
    placeholderData: keepPreviousData,
  });
}

/** Spend over time in one query: the total, and the largest keys or models in it. */
export function useSpend(filter: UsageFilter & { by: "hour" | "day" }, by: "key" | "model" | null) {
  return useQuery({
    queryKey: [...KEYS.usage, "spend", filter, by],
    queryFn: async ({ signal }): Promise<Spend> => {
      const read = (part: Partial<UsageFilter>) => readUsage({ ...filter, ...part }, signal);
      if (by === null) return { whole: await read({}), parts: [], rest: null };
      const [whole, groups] = await Promise.all([read({}), read({ by })]);
      const { own, rest } = stackOf(groups.data);
      const parts = own.map(async (group) => ({ group, answer: await read({ [by]: group }) }));
      return { whole, parts: await Promise.all(parts), rest };
    },
    placeholderData: keepPreviousData,
  });
}

/** One page of the statement, by its cursor, however long the statement is. */
export function useTransactionPage(filter: TransactionFilter, cursor: string | null, limit = PAGE_ROWS) {
  return useQuery({
    queryKey: [...KEYS.transactions, "page", filter, cursor, limit],
    queryFn: ({ signal }) =>
      answered(
        api.GET("/api/transactions", {
          signal,
          params: { query: { ...filter, limit, ...(cursor === null ? {} : { cursor }) } },
        }),
      ),
    placeholderData: keepPreviousData,
  });
}

/** A request, by its own or its response's id. Live events report its settlement; it is also polled while open. */
export function useRequest(id: string | null) {
  return useQuery({
    queryKey: [...KEYS.request, id],
    queryFn: ({ signal }) =>
      answered(api.GET("/api/requests/{request_id}", { signal, params: { path: { request_id: id ?? "" } } })),
    enabled: id !== null,
    refetchInterval: (query) => (query.state.data?.state === "open" ? OPEN_POLL_MS : false),
  });
}

/** A mutation that invalidates these queries when it succeeds. */
export function useChange<In, Out>(change: (input: In) => Promise<Out>, stale: readonly (readonly string[])[]) {
  const client = useQueryClient();
  return useMutation<Out, Error, In>({
    mutationFn: change,
    onSuccess: () => refresh(client, ...stale),
  });
}

export function refresh(client: QueryClient, ...stale: readonly (readonly string[])[]): void {
  for (const queryKey of stale) void client.invalidateQueries({ queryKey });
}

/** A checkout, polled every `pollMs` milliseconds until that returns false. */
export function useCheckout(id: string, pollMs: (checkout: Checkout | undefined) => number | false) {
  return useQuery({
    queryKey: [...KEYS.checkout, id],
    queryFn: ({ signal }) =>
      answered(api.GET("/api/checkout/{checkout_id}", { signal, params: { path: { checkout_id: id } } })),
    refetchInterval: (query) => pollMs(query.state.data),
  });
}

/** `sold`: whether packs are sold; without any, automatic top-up does not exist. */
export function useAutomaticTopUp(sold = true) {
  return useQuery({
    queryKey: KEYS.automatic,
    queryFn: ({ signal }) => answered(api.GET("/api/automatic-top-up", { signal })),
    enabled: sold,
  });
}
