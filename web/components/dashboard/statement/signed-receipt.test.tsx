// @vitest-environment happy-dom

import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { act, cleanup, fireEvent, render, screen } from "@testing-library/react";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

const UNSEALED = { message: "It will be sealed within seconds.", type: "server_error", param: null, code: null };

function unsealed(): Response {
  return Response.json({ error: UNSEALED }, { status: 503, headers: { "x-request-id": "req_1" } });
}

/** The button pressed, at a gateway with these answers. The client takes its fetch when it is loaded. */
async function press(answers: Response[]): Promise<void> {
  vi.stubGlobal("fetch", async () => answers.shift());
  vi.resetModules();
  const { SignedReceipt } = await import("./signed-receipt");
  render(
    <QueryClientProvider client={new QueryClient()}>
      <SignedReceipt id="7" name="top_up-pi_1" />
    </QueryClientProvider>,
  );
  fireEvent.click(screen.getByRole("button", { name: "Download signed receipt" }));
}

const pass = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));

describe("a signed receipt", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => {
    cleanup();
    vi.useRealTimers();
    vi.unstubAllGlobals();
  });

  it("that is not sealed yet is asked for again, and saved under its name", async () => {
    const saved: string[] = [];
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function (this: HTMLAnchorElement) {
      saved.push(this.download);
    });
    await press([unsealed(), new Response("c2sp.org/tlog-proof@v1\n")]);
    await pass(500);
    expect(saved).toEqual([]);
    expect(screen.queryByRole("alert")).toBeNull();
    await pass(1_000);
    expect(saved).toEqual(["top_up-pi_1.tlog-proof"]);
    expect(screen.getByRole("status").textContent).toBe("The receipt is downloaded.");
  });

  it("that stays unsealed says so, with the request's id and another try", async () => {
    await press([unsealed(), unsealed(), unsealed()]);
    await pass(5_000);
    const said = screen.getByRole("alert").textContent;
    expect(said).toContain(UNSEALED.message);
    expect(said).toContain("req_1");
    expect(screen.getByRole("button", { name: "Try again" })).toBeTruthy();
  });
});
