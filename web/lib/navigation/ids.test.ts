import { describe, expect, it } from "vitest";
import { destination } from "./ids";

describe("a pasted id", () => {
  it.each([
    ["req_01a", "/dashboard/requests?request=req_01a"],
    ["  resp_9f ", "/dashboard/requests?request=resp_9f"],
    ['"chatcmpl-abc",', "/dashboard/requests?request=chatcmpl-abc"],
    ["key_1", "/dashboard/keys?key=key_1"],
    ["co_1", "/dashboard/billing?checkout=co_1"],
    ["pi_3", "/dashboard/billing?id=pi_3"],
    ["adj_1", "/dashboard/billing?id=adj_1"],
    ["re_1&x=2", "/dashboard/billing?id=re_1%26x%3D2"],
  ])("%j leads to %s", (pasted, href) => {
    expect(destination(pasted)).toEqual({ href });
  });

  it.each(["sk-rr-abcdef", '"SK-RR-abc"', "REALROUTER_KEY=sk-rr-abc", "Bearer sk-rr-abc", "sk-proj-1"])(
    "%j is a secret, and is not looked up",
    (pasted) => {
      expect(destination(pasted)).toMatchObject({ message: expect.stringContaining("Keep it secret") });
    },
  );

  it.each(["task-1", "my-disk-2"])("%j is not a secret", (pasted) => {
    expect(destination(pasted)).toEqual({ lookUp: pasted });
  });

  it("is looked up if its form is not recognized", () => {
    expect(destination("3f2c9a")).toEqual({ lookUp: "3f2c9a" });
  });

  it.each(["", "   ", "two words", "é", "x".repeat(129), "file-1", "sk-rr-abcdef"])(
    "%j leads nowhere, and gets an explanation",
    (pasted) => {
      expect(destination(pasted)).toHaveProperty("message");
    },
  );
});
