import { createLoader, createSerializer } from "nuqs";
import { describe, expect, it } from "vitest";
import { PARSERS, parseAsQuantity } from "./state";

const load = createLoader(PARSERS);
const write = createSerializer(PARSERS);

describe("the state of the models page", () => {
  it("is read from a URL and written back", () => {
    const state = load(
      "?q=mini&model=gpt-5.4-mini&input=5&cached=6&output=7&searches=8&images=9&tier=flex&size=low/1024x1024",
    );
    expect(state).toEqual({
      q: "mini",
      model: "gpt-5.4-mini",
      input: 5,
      cached: 6,
      output: 7,
      searches: 8,
      images: 9,
      tier: "flex",
      size: "low/1024x1024",
    });
    expect(load(write(state))).toEqual(state);
  });

  it("leaves defaults out of the URL", () => {
    expect(write(load(""))).toBe("");
  });

  it.each(["-1", "1.5", "1e3", "", " 1", "1234567890", "abc"])("rejects %j as a quantity", (text) => {
    expect(parseAsQuantity.parse(text)).toBeNull();
    expect(load({ input: text }).input).toBe(10_000);
  });

  it("accepts whole quantities of up to nine digits", () => {
    expect(parseAsQuantity.parse("0")).toBe(0);
    expect(parseAsQuantity.parse("999999999")).toBe(999_999_999);
  });
});
