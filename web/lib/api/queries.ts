"use client";
// What pages read and change, as queries: one key for each thing, so that live events and changes know what to read again.

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

/** Again after a pause where the gateway was not there or was full; at once never: a refusal stays a refusal. */
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

/** Of two the one that has more of the ledger in it: events and answers overtake each other on their way. */
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

/** What a key is called, by its id: its name, with its hint where others have the same name. The id where it is not known. */
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

/** Spend over time as one thing: the total, and by key or model its largest parts. */
export function useSpend(asked: UsageFilter & { by: "hour" | "day" }, by: "key" | "model" | null) {
  return useQuery({
    queryKey: [...KEYS.usage, "spend", asked, by],
    queryFn: async ({ signal }): Promise<Spend> => {
      const read = (filter: Partial<UsageFilter>) => readUsage({ ...asked, ...filter }, signal);
      if (by === null) return { whole: await read({}), parts: [], rest: null };
      const [whole, groups] = await Promise.all([read({}), read({ by })]);
      const { own, rest } = stackOf(groups.data);
      const parts = own.map(async (group) => ({ group, answer: await read({ [by]: group }) }));
      return { whole, parts: await Promise.all(parts), rest };
    },
    placeholderData: keepPreviousData,
  });
}

/** One page of the statement by its cursor: however long the statement is, so much is read and shown. */
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

/** By request id or by the id of its answer. Events tell when it is settled; where they do not come, it is asked for. */
export function useRequest(id: string | null) {
  return useQuery({
    queryKey: [...KEYS.request, id],
    queryFn: ({ signal }) =>
      answered(api.GET("/api/requests/{request_id}", { signal, params: { path: { request_id: id ?? "" } } })),
    enabled: id !== null,
    refetchInterval: (query) => (query.state.data?.state === "open" ? OPEN_POLL_MS : false),
  });
}

/** A change, after which these things are read again. */
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

/** A checkout, read again every `pollMs` until it has ended. */
export function useCheckout(id: string, pollMs: (checkout: Checkout | undefined) => number | false) {
  return useQuery({
    queryKey: [...KEYS.checkout, id],
    queryFn: ({ signal }) =>
      answered(api.GET("/api/checkout/{checkout_id}", { signal, params: { path: { checkout_id: id } } })),
    refetchInterval: (query) => pollMs(query.state.data),
  });
}

/** `sold`: there are packs; without any, the gateway has no such thing. */
export function useAutomaticTopUp(sold = true) {
  return useQuery({
    queryKey: KEYS.automatic,
    queryFn: ({ signal }) => answered(api.GET("/api/automatic-top-up", { signal })),
    enabled: sold,
  });
}
