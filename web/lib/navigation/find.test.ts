// @vitest-environment happy-dom

import { afterEach, describe, expect, it, vi } from "vitest";

type Row = { kind: string; id: string };

describe("an id of no known form", () => {
  afterEach(() => vi.unstubAllGlobals());

  /** What is found at a gateway with these rows and keys, and what it was asked. The client takes its fetch when it is loaded. */
  async function found(rows: Row[], keys: { id: string }[] = []): Promise<{ href: string | null; asked: string[] }> {
    const asked: string[] = [];
    vi.stubGlobal("fetch", async (request: Request) => {
      const { pathname, searchParams } = new URL(request.url);
      asked.push(`${pathname} ${searchParams.get("id") ?? ""}`.trim());
      return Response.json({ data: pathname === "/api/keys" ? keys : rows });
    });
    vi.resetModules();
    const { find } = await import("./find");
    return { href: await find("mine", new AbortController().signal), asked };
  }

  it.each([
    ["debit", "/dashboard/requests?request=req_1"],
    ["release", "/dashboard/requests?request=req_1"],
    ["top_up", "/dashboard/billing?id=mine"],
  ])("that a row of the statement has is there: %s", async (kind, href) => {
    expect(await found([{ kind, id: "req_1" }])).toEqual({ href, asked: ["/api/transactions mine"] });
  });

  it("may be a key's", async () => {
    const { href } = await found([], [{ id: "other" }, { id: "mine" }]);
    expect(href).toBe("/dashboard/keys?key=mine");
  });

  it("may be nobody's", async () => {
    const told = await found([], [{ id: "other" }]);
    expect(told).toEqual({ href: null, asked: ["/api/transactions mine", "/api/keys"] });
  });
});
