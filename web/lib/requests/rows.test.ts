import { describe, expect, it } from "vitest";
import type { RequestEvent } from "@/lib/api/live";
import { LIVE_ROWS_MAX, noted, type RequestRow, rowOfEvent, withLive } from "./rows";

function event(position: number, changes: Partial<RequestEvent> = {}): RequestEvent {
  return {
    request_id: `req_${position}`,
    state: "open",
    model: "small",
    endpoint: "responses",
    key_id: "key_1",
    hold: "0.01",
    hold_nanos: "10000000",
    cost: null,
    cost_nanos: null,
    returned: null,
    returned_nanos: null,
    reason: null,
    response_id: null,
    at: "2026-11-26T08:00:00Z",
    position,
    ...changes,
  };
}

const ids = (rows: readonly (RequestRow | RequestEvent)[]) =>
  rows.map((row) => ("id" in row ? row.id : row.request_id));

describe("live requests", () => {
  it("have one row each, from the newest event", () => {
    const events = [event(1), event(2), event(3, { request_id: "req_1", state: "debited" })].reduce(noted, []);
    expect(events.map((one) => [one.request_id, one.state])).toEqual([
      ["req_1", "debited"],
      ["req_2", "open"],
    ]);
  });

  it("ignore an older event that is repeated", () => {
    const settled = [event(3, { request_id: "req_1", state: "debited" })];
    expect(noted(settled, event(1))).toEqual(settled);
  });

  it("are bounded, and the oldest settled one is dropped first", () => {
    let events: RequestEvent[] = [event(1), event(2, { state: "released" })];
    for (let position = 3; position <= LIVE_ROWS_MAX + 1; position += 1) events = noted(events, event(position));
    expect(events).toHaveLength(LIVE_ROWS_MAX);
    expect(ids(events)).toContain("req_1");
    expect(ids(events)).not.toContain("req_2");
    events = noted(events, event(LIVE_ROWS_MAX + 2));
    expect(events).toHaveLength(LIVE_ROWS_MAX);
    expect(ids(events)).not.toContain("req_1");
  });

  it("appear above the statement until it includes them, open ones first", () => {
    const events = [event(4, { state: "debited" }), event(3), event(2, { state: "debited" })];
    const page = [{ ...rowOfEvent(event(2, { state: "debited" })), label: "Completed" }];
    const rows = withLive(events, page, {});
    expect(ids(rows)).toEqual(["req_3", "req_4", "req_2"]);
    expect(rows.at(-1)?.label).toBe("Completed");
  });

  it.each([
    [{ key: "key_2" }, ["req_2"]],
    [{ model: "large" }, ["req_3"]],
    [{ kind: "release" }, ["req_3"]],
    [{ kind: "debit" }, []],
    [{ from: "2026-11-27" }, ["req_3"]],
    [{ to: "2026-11-27" }, ["req_1", "req_2"]],
  ])("match the filter %j", (filter, expected) => {
    const changes = { model: "large", state: "released" as const, at: "2026-11-27T00:00:00Z" };
    expect(ids(withLive([event(1), event(2, { key_id: "key_2" }), event(3, changes)], [], filter))).toEqual(expected);
  });
});
