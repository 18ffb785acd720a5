"use client";
// The welcome for an account that has not made a request yet.

import { useState } from "react";
import { OUTCOMES } from "@/components/dashboard/requests/state";
import { Panel } from "@/components/ui/panel";
import { useTransactionPage } from "@/lib/api/queries";
import { FirstCall } from "./lazy";

export const LATEST_ROWS = 5;

/**
 * The newest settled requests; `isEmpty` if there are none. `isNew` stays true while the page is open, because the first
 * request runs on it.
 */
export function useWelcome() {
  const latest = useTransactionPage({ kind: [...OUTCOMES] }, null, LATEST_ROWS);
  const isEmpty = latest.data?.data.length === 0;
  const [isNew, setNew] = useState(false);
  if (isEmpty && !isNew) setNew(true);
  return { latest, isEmpty, isNew };
}

export function Welcome() {
  return (
    <Panel title="Make the first call">
      <FirstCall />
    </Panel>
  );
}
