import { describe, expect, it } from "vitest";
import { lineAmount, lineName, linePrice } from "./cost-lines";

describe("the lines of a charge", () => {
  it("say what, at which price, and how much, digit by digit", () => {
    const line = { kind: "input", quantity: 1234, price: "0.00000025", amount: "0.0003085" };
    expect([lineName(line.kind), linePrice(line), lineAmount(line)]).toEqual([
      "Input tokens",
      "$0.25 per million",
      "$0.0003085",
    ]);
  });

  it("price searches and images each", () => {
    const line = { kind: "image:high/1024x1024", quantity: 2, price: "0.04", amount: "0.08" };
    expect([lineName(line.kind), linePrice(line)]).toEqual(["Image, high 1024x1024", "$0.04 each"]);
    expect(lineName("call:code_interpreter")).toBe("Calls of code_interpreter");
  });

  it("show the rounding without a price, to a pico", () => {
    const line = { kind: "rounding", quantity: 1, price: "0.00000000075", amount: "0.00000000075" };
    expect([linePrice(line), lineAmount(line)]).toEqual(["", "$0.00000000075"]);
  });
});
