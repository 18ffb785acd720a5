"use client";

import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { NuqsAdapter } from "nuqs/adapters/next/app";
import { type ReactNode, Suspense, useState } from "react";
import { ApiError } from "@/lib/api/client";
import { KEYS, mayRetry } from "@/lib/api/queries";

const FRESH_MS = 15_000;

/** The contexts of all pages: the query client, and the URL state. */
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
    // The first call that fails with 401 reveals that the session has ended while the page was open.
    queryCache: new QueryCache({
      onError: (error, query) => query.queryKey[0] !== KEYS.session[0] && recheckSession(error),
    }),
    mutationCache: new MutationCache({ onError: (error) => recheckSession(error) }),
  });
  const recheckSession = (error: Error) => {
    if (error instanceof ApiError && error.status === 401) void client.invalidateQueries({ queryKey: KEYS.session });
  };
  return client;
}
