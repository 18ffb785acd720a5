import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refresher } from "./live";
import { type Balance, KEYS, newerBalance } from "./queries";

const BALANCE: Balance = {
  account_id: "acct",
  available: "1.00",
  available_nanos: "1000000000",
  held: "0.00",
  held_nanos: "0",
  frozen: false,
  as_of: { position: 10, at: "2026-11-26T08:00:00Z" },
};

describe("a balance", () => {
  it("is not replaced by an older one that arrives later", () => {
    const later = { ...BALANCE, as_of: { ...BALANCE.as_of, position: 12 } };
    expect(newerBalance(later, BALANCE)).toBe(later);
    expect(newerBalance(BALANCE, later)).toBe(later);
    expect(newerBalance(undefined, BALANCE)).toBe(BALANCE);
  });

  it("of another account always replaces it", () => {
    const other = { ...BALANCE, account_id: "other", as_of: { ...BALANCE.as_of, position: 1 } };
    expect(newerBalance(BALANCE, other)).toBe(other);
  });
});

describe("refreshing what events invalidate", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("lets a slow read finish, however many events arrive meanwhile, and reads once more after them", async () => {
    const client = new QueryClient();
    let begun = 0;
    let ended = 0;
    const read = async () => {
      begun += 1;
      await new Promise((done) => setTimeout(done, 3_000));
      ended += 1;
      return ended;
    };
    const stop = new QueryObserver(client, { queryKey: ["usage", "spend"], queryFn: read }).subscribe(() => {});
    await vi.advanceTimersByTimeAsync(3_000);
    const soon = new Refresher(client);
    const wanted = [KEYS.usage];
    for (let event = 0; event < 40; event += 1) {
      soon.refresh(wanted);
      await vi.advanceTimersByTimeAsync(250);
    }
    await vi.advanceTimersByTimeAsync(10_000);
    expect(ended).toBe(begun);
    expect(ended).toBeGreaterThanOrEqual(4);
    expect(ended).toBeLessThanOrEqual(6);
    soon.stop();
    stop();
  });
});
