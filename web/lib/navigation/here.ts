"use client";
// The origin shown in base URLs: the public one in the exported HTML, the serving gateway's own once the page runs in a browser.

import { useSyncExternalStore } from "react";
import { sdkBaseUrl } from "@/lib/api/client";

export const PUBLIC_ORIGIN = "https://api.realrouter.org";
const never = () => () => {};

/** `https://host`, without a trailing slash. While hydrating it matches the HTML; then it is the serving gateway's. */
export function useOrigin(): string {
  return useSyncExternalStore(never, ownOrigin, () => PUBLIC_ORIGIN);
}

function ownOrigin(): string {
  return sdkBaseUrl().replace(/\/v1$/, "");
}
