import { describe, expect, it } from "vitest";
import { cleanId, targetOf } from "./ids";

const SECRET = `sk-rr-${"a1".repeat(19)}`;

describe("an id", () => {
  it.each([
    ["req_e8408ad1", "/dashboard/requests?request=req_e8408ad1"],
    ["resp_80327e07", "/dashboard/requests?request=resp_80327e07"],
    ["chatcmpl-A/b+c", "/dashboard/requests?request=chatcmpl-A%2Fb%2Bc"],
    ["key_b37336ac", "/dashboard/keys?key=key_b37336ac"],
    ["co_auto_12", "/dashboard/billing?checkout=co_auto_12"],
    ["pi_sim_12", "/dashboard/billing?id=pi_sim_12"],
    ["re_12", "/dashboard/billing?id=re_12"],
    ["pyr_12", "/dashboard/billing?id=pyr_12"],
    ["dp_12", "/dashboard/billing?id=dp_12"],
    ["du_12", "/dashboard/billing?id=du_12"],
    ["adj_12", "/dashboard/billing?id=adj_12"],
  ])("%s leads to %s", (id, href) => {
    expect(targetOf(id)).toEqual({ kind: "page", href });
  });

  it.each(['"req_1"', " req_1\n", "'req_1',", "`req_1`", "“req_1”", '"req_1";', "<req_1>"])(
    "is read from %j",
    (text) => {
      expect(cleanId(text)).toBe("req_1");
    },
  );

  it("of no known form is looked for", () => {
    expect(targetOf(" my-own.id_7 ")).toEqual({ kind: "unknown", id: "my-own.id_7" });
  });

  it.each(["", "  ", '""'])("is none in %j", (text) => {
    expect(targetOf(text)).toBeNull();
  });

  it.each([SECRET, `"${SECRET}"`, SECRET.toUpperCase(), "sk-proj-12"])("that is a secret leads nowhere: %s", (text) => {
    expect(targetOf(text)).toMatchObject({ kind: "said", secret: true });
    expect(JSON.stringify(targetOf(text))).not.toContain("a1a1");
  });

  it.each(["file-0123", "two words", "x".repeat(201)])("that leads to no page says why: %s", (text) => {
    expect(targetOf(text)).toMatchObject({ kind: "said", secret: false });
  });
});
