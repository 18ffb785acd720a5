// @vitest-environment happy-dom

import { afterEach, describe, expect, it, vi } from "vitest";

type Row = { kind: string; id: string };

describe("an id of no known form", () => {
  afterEach(() => vi.unstubAllGlobals());

  /** The result at a gateway with these rows and keys, and the requests it received. The API client captures `fetch` on import. */
  async function found(rows: Row[], keys: { id: string }[] = []): Promise<{ href: string | null; requests: string[] }> {
    const requests: string[] = [];
    vi.stubGlobal("fetch", async (request: Request) => {
      const { pathname, searchParams } = new URL(request.url);
      requests.push(`${pathname} ${searchParams.get("id") ?? ""}`.trim());
      return Response.json({ data: pathname === "/api/keys" ? keys : rows });
    });
    vi.resetModules();
    const { find } = await import("./find");
    return { href: await find("mine", new AbortController().signal), requests };
  }

  it.each([
    ["debit", "/dashboard/requests?request=req_1"],
    ["release", "/dashboard/requests?request=req_1"],
    ["top_up", "/dashboard/billing?id=mine"],
  ])("is found on the statement: %s", async (kind, href) => {
    expect(await found([{ kind, id: "req_1" }])).toEqual({ href, requests: ["/api/transactions mine"] });
  });

  it("may be a key's", async () => {
    const { href } = await found([], [{ id: "other" }, { id: "mine" }]);
    expect(href).toBe("/dashboard/keys?key=mine");
  });

  it("may be unknown", async () => {
    const result = await found([], [{ id: "other" }]);
    expect(result).toEqual({ href: null, requests: ["/api/transactions mine", "/api/keys"] });
  });
});
