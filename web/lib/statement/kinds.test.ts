import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { aboutOf, CREDITS, KIND_FILTERS, KINDS, kindName, kindsOf, storyOf } from "./kinds";

const ROW = { kind: "debit", id: "req_1", model: "m", reason: null, reference: null };

describe("kinds of the statement", () => {
  it("are those that the API documents, and all have names", () => {
    const schema = readFileSync(join(process.cwd(), "lib/schema.d.ts"), "utf8");
    const documented = /TransactionShown\n[^/]*`kind`: ([a-z_, ]+?) or ([a-z_]+)\./.exec(schema);
    expect(documented).not.toBeNull();
    const names = [...(documented?.[1]?.split(", ") ?? []), documented?.[2]];
    expect([...KINDS].sort()).toEqual(names.sort());
    for (const kind of KINDS) expect(kindName(kind)).toMatch(/^[A-Z][a-z]/);
  });

  it("show the code of an unknown kind", () => {
    expect(kindName("gift_card")).toBe("gift card");
  });

  it("are filtered one at a time, or as all credits", () => {
    expect(kindsOf("debit")).toEqual(["debit"]);
    expect([...kindsOf(CREDITS), "debit", "release"].sort()).toEqual([...KINDS].sort());
    expect(KIND_FILTERS).toHaveLength(KINDS.length + 1);
  });
});

describe("the page that a row links to", () => {
  it.each([
    ["debit", null, "/dashboard/requests?request=req_1"],
    ["release", null, "/dashboard/requests?request=req_1"],
    ["top_up", "co_1", "/dashboard/billing?checkout=co_1"],
    ["refund", "pi_1", "/dashboard/billing?id=pi_1"],
    ["dispute_won", "pi_1", "/dashboard/billing?id=pi_1"],
    ["top_up", "co_&x", "/dashboard/billing?checkout=co_%26x"],
    ["grant", "ticket 7", null],
    ["refund", null, null],
  ])("for a %s that refers to %s is %s", (kind, reference, href) => {
    expect(storyOf({ ...ROW, kind, reference })).toBe(href);
  });

  it("is described by the model, the reason, or the reference", () => {
    expect(aboutOf(ROW)).toBe("m");
    expect(aboutOf({ ...ROW, kind: "grant", reason: "welcome", reference: "ticket 7" })).toBe("welcome");
    expect(aboutOf({ ...ROW, kind: "top_up", reference: "co_1" })).toBe("co_1");
    expect(aboutOf({ ...ROW, kind: "correction" })).toBe("");
  });
});
