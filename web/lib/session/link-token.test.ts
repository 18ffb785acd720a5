// @vitest-environment happy-dom

import { beforeEach, describe, expect, it } from "vitest";
import { takeToken } from "./link-token";

describe("the token of a sign-in link", () => {
  beforeEach(() => window.history.replaceState(null, "", "/login"));

  it("is taken once, and removed from the URL", () => {
    window.history.replaceState(null, "", "/login?next=%2Fdashboard#token=ab-c_1");
    expect(takeToken()).toBe("ab-c_1");
    expect(window.location.pathname + window.location.search + window.location.hash).toBe("/login?next=%2Fdashboard");
    expect(takeToken()).toBeNull();
  });

  it.each(["", "#", "#token=", "#tokens=1", "#main"])("is absent from %j, which is left unchanged", (hash) => {
    window.history.replaceState(null, "", `/login${hash}`);
    const before = window.location.href;
    expect(takeToken()).toBeNull();
    expect(window.location.href).toBe(before);
  });
});
