"use client";

import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { NuqsAdapter } from "nuqs/adapters/next/app";
import { type ReactNode, Suspense, useState } from "react";
import { ApiError } from "@/lib/api/client";
import { KEYS, mayRetry } from "@/lib/api/queries";

const FRESH_MS = 15_000;

/** Queries, and the state of the URL. */
export function Providers({ children }: { children: ReactNode }) {
  const [client] = useState(makeClient);
  return (
    <QueryClientProvider client={client}>
      <NuqsAdapter>
        <Suspense>{children}</Suspense>
      </NuqsAdapter>
    </QueryClientProvider>
  );
}

function makeClient(): QueryClient {
  const client: QueryClient = new QueryClient({
    defaultOptions: { queries: { staleTime: FRESH_MS, retry: mayRetry } },
    // A session that ended while a page was open is found out by whatever comes first.
    queryCache: new QueryCache({
      onError: (error, query) => query.queryKey[0] !== KEYS.session[0] && askWho(error),
    }),
    mutationCache: new MutationCache({ onError: (error) => askWho(error) }),
  });
  const askWho = (error: Error) => {
    if (error instanceof ApiError && error.status === 401) void client.invalidateQueries({ queryKey: KEYS.session });
  };
  return client;
}
