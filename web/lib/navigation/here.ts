"use client";
// The address that SDKs are pointed at: the published one in the HTML, the gateway's own once a browser has it.

import { useSyncExternalStore } from "react";
import { sdkBaseUrl } from "@/lib/api/client";

export const PUBLIC_ORIGIN = "https://api.realrouter.org";
const never = () => () => {};

/** `https://host`, without a slash. The same while hydrating as in the HTML; then that of the gateway that serves the page. */
export function useOrigin(): string {
  return useSyncExternalStore(never, ownOrigin, () => PUBLIC_ORIGIN);
}

function ownOrigin(): string {
  return sdkBaseUrl().replace(/\/v1$/, "");
}
