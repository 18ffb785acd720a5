// @vitest-environment happy-dom

import { render as renderBare } from "@testing-library/react";
import { AppRouterContext, type AppRouterInstance } from "next/dist/shared/lib/app-router-context.shared-runtime";
import type { ReactElement } from "react";
import { describe, expect, it } from "vitest";
import { rich } from "./rich";

const nothing = () => {};
const ROUTER: AppRouterInstance = {
  back: nothing,
  forward: nothing,
  refresh: nothing,
  push: nothing,
  replace: nothing,
  prefetch: nothing,
  bfcacheId: "",
};

/** Render with a router, because links prefetch through it. */
function render(shown: ReactElement) {
  return renderBare(<AppRouterContext.Provider value={ROUTER}>{shown}</AppRouterContext.Provider>);
}

describe("rich text", () => {
  it("is plain text if it has no markup", () => {
    const { container } = render(<p>{rich("A < b & c.")}</p>);
    expect(container.innerHTML).toBe("<p>A &lt; b &amp; c.</p>");
  });

  it("renders code, bold text and links, and code within links", () => {
    const { container } = render(
      <p>{rich("Send `n`, **once**, to [`GET /x`](/docs/errors) or [it](/openapi.json).")}</p>,
    );
    expect(container.textContent).toBe("Send n, once, to GET /x or it.");
    expect([...container.querySelectorAll("code")].map((code) => code.textContent)).toEqual(["n", "GET /x"]);
    expect(container.querySelector("strong")?.textContent).toBe("once");
    expect([...container.querySelectorAll("a")].map((link) => link.getAttribute("href"))).toEqual([
      "/docs/errors",
      "/openapi.json",
    ]);
  });
});
